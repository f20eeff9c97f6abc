"""The work on pending versions: fetch their bytes, judge them, and seal them or let them fail.

`pedigree serve` runs it in a thread. Any number of processes may: a lease in the database gives a
version to one of them, and a process that is killed loses its versions after some seconds.
"""

import logging
import threading
from collections.abc import Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import contextmanager, suppress
from datetime import timedelta
from uuid import uuid4

from pedigree.access.reserved import REGISTRAR
from pedigree.delivery.background_thread import is_over
from pedigree.errors import (
    InvalidInputError,
    MissingDependencyError,
    NotFoundError,
    PedigreeError,
    RefusedError,
    UnavailableError,
)
from pedigree.registry import Registry
from pedigree.registry.pending_work import PendingWork
from pedigree.sources.folders import remove_left_folders
from pedigree.sources.pending import LEASE, PendingQueue, TakenVersion

_LOG = logging.getLogger(__name__)

_AT_ONCE = 4
_POLL_S = 0.25
# A source that does not answer is asked again after 1, 2, 4, 8, 16 and 30 seconds.
_MOST_FAILURES = 6
_LONGEST_PAUSE_S = 30
_NO_PAUSE = timedelta(0)
# A version that waits for checks is looked at again when they have run, and also after this time.
_LOOK_AGAIN = timedelta(seconds=15)
# What another attempt would not change.
_FINAL = (InvalidInputError, RefusedError, NotFoundError, MissingDependencyError)


class PendingRegistrations:
    """Completes pending versions.

    Args:
        registry: The registry.
    """

    def __init__(self, registry: Registry) -> None:
        self._registry = registry.acting_as(REGISTRAR)
        self._queue = PendingQueue(registry.database, uuid4())
        self._stop = threading.Event()

    def run(self, *, stop: threading.Event | None = None) -> int:
        """Complete versions until ``stop`` is set, or until none waits; return how many."""
        remove_left_folders(self._registry.settings.home_folder)
        self._stop = stop or threading.Event()
        done, at_work = 0, set[Future[None]]()
        with ThreadPoolExecutor(_AT_ONCE, "pedigree-registration") as pool:
            while not is_over(None, stop):
                at_work = {each for each in at_work if not each.done()}
                taken = self._queue.take() if len(at_work) < _AT_ONCE else None
                if taken is not None:
                    done += 1
                    at_work.add(pool.submit(self._complete, taken))
                elif at_work:
                    wait(at_work, _POLL_S, FIRST_COMPLETED)
                elif stop is None:
                    break
                else:
                    stop.wait(_POLL_S)
        return done

    def _complete(self, taken: TakenVersion) -> None:
        """Seal a version, let it fail or wait, or give it back; never raise."""
        try:
            with self._kept(taken):
                is_done = PendingWork(self._registry, self._stop).register(taken.reference)
            if is_done:
                self._queue.end(taken)
            else:
                self._queue.pause(taken, _LOOK_AGAIN)
        except _FINAL as error:
            self._fail(taken, error)
        except UnavailableError as error:
            self._try_later(taken, error)
        except Exception as error:  # it must not stop the work on other versions
            _LOG.exception(
                "%s cannot be registered",
                taken.reference,
                extra={"action": "source.failed", "reference": taken.reference},
            )
            self._try_later(taken, error)

    def _try_later(self, taken: TakenVersion, error: Exception) -> None:
        if self._stop.is_set():
            self._give_back(taken, _NO_PAUSE)
        elif taken.failures >= _MOST_FAILURES:
            self._fail(taken, error)
        else:
            self._give_back(taken, timedelta(seconds=min(2**taken.failures, _LONGEST_PAUSE_S)))

    def _give_back(self, taken: TakenVersion, pause: timedelta) -> None:
        with suppress(UnavailableError):  # without the database, the lease expires
            self._queue.postpone(taken, pause)

    def _fail(self, taken: TakenVersion, error: Exception) -> None:
        known = isinstance(error, PedigreeError)
        reason = str(error) if known else "The service failed. See its log."
        _LOG.warning(
            "%s is not registered: %s",
            taken.reference,
            reason,
            extra={"action": "source.refused", "reference": taken.reference},
        )
        try:
            # One that was deleted or sealed meanwhile needs no more work either.
            with suppress(NotFoundError, RefusedError):
                self._registry.operations.sealing.fail(taken.reference, reason)
            self._registry.operations.awaited_checks.end(taken.reference)
            self._queue.end(taken)
        except UnavailableError:
            self._give_back(taken, _NO_PAUSE)

    @contextmanager
    def _kept(self, taken: TakenVersion) -> Iterator[None]:
        """Renew the lease of a version while a block runs, however long that waits."""
        ended = threading.Event()

        def renew() -> None:
            while not ended.wait(LEASE.total_seconds() / 4):
                with suppress(UnavailableError):
                    self._queue.renew(taken)

        thread = threading.Thread(target=renew, name="pedigree-lease", daemon=True)
        thread.start()
        try:
            yield
        finally:
            ended.set()
            thread.join()
