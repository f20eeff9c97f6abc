"""The reconciler: it judges new versions, performs stage requests and renders model cards.

Two processes run it: the service, in a thread, and Dagster's promotion sensor, at each tick.
"""

import logging
import threading
from collections.abc import Callable, Iterable
from typing import NamedTuple, TypeVar

from pedigree.access.reserved import RECONCILER
from pedigree.audit import log
from pedigree.audit.records import Actor
from pedigree.cards.follower import CardFollower
from pedigree.delivery.background_thread import is_over
from pedigree.errors import ModelNotFoundError, PedigreeError, UnavailableError
from pedigree.lifecycle.records import Move
from pedigree.registry import Registry

_LOG = logging.getLogger(__name__)

_PAUSE_S = 2.0
_PAGE = 1000
# A tick of the sensor may take a minute.
_MOST_EVENTS = 50 * _PAGE

T = TypeVar("T")


class Reconciliation(NamedTuple):
    """What one pass over the registry found and did."""

    changed: frozenset[str]
    """Models with new events, and postponed models."""
    judged: tuple[str, ...]
    moves: tuple[Move, ...]


class Reconciler:
    """Judges versions that are not judged yet, performs requests whose gates pass, renders cards.

    Several processes may run one at once. All state is in the registry, except the position in the
    feed.

    Args:
        registry: The registry.
        actor: The recorded actor of the changes.
        seq: The position in the feed. If None, the first pass covers every model.
        postponed: Models that the next pass includes even without a new event.
    """

    def __init__(
        self,
        registry: Registry,
        *,
        actor: Actor = RECONCILER,
        seq: int | None = None,
        postponed: Iterable[str] = (),
    ) -> None:
        self.registry = registry.acting_as(actor)
        self._cards = CardFollower(registry.database, registry.store)
        self.seq = seq
        self.postponed = set(postponed)
        self.problems: list[tuple[str, PedigreeError]] = []

    def run(self, *, stop: threading.Event | None = None) -> int:
        """Reconcile every two seconds until ``stop`` is set; return how many versions moved."""
        waiting, moved = stop or threading.Event(), 0
        while not is_over(None, stop):
            moved += len(self.reconcile().moves)
            for name, error in self.problems:
                _LOG.warning(
                    "%s: %s", name, error, extra={"action": "request.postponed", "model": name}
                )
            waiting.wait(_PAUSE_S)
        return moved

    def reconcile(self) -> Reconciliation:
        """Judge new versions, perform requests of models that may have changed, render stale cards.

        Raises:
            UnavailableError: The database or the store does not answer. The next pass covers every
                model.
        """
        since, postponed = self.seq, self.postponed
        self.seq, self.postponed, self.problems = None, set(), []
        # Before reading the feed, so that the next pass does not see the events of the cards.
        self._cards.follow()
        head = log.feed_head(self.registry.database)
        if since is not None:
            head = min(head, since + _MOST_EVENTS)
        changed = frozenset(postponed | self._changed(since, head))
        judged = self.registry.operations.pending_checks.judge_newcomers()
        requested = self.registry.operations.stage_requests.names_with_requests(
            None if since is None else changed
        )
        perform = self.registry.operations.stage_requests.perform_requests
        performed = [self.attempt(name, perform) for name in requested]
        self.seq = head
        moves = tuple(move for found in performed for move in found or ())
        return Reconciliation(changed, judged, moves)

    def attempt(self, name: str, work: Callable[[str], T]) -> T | None:
        """Renew a model's verdicts, then call ``work`` with its name.

        Returns:
            The result. None if the model is gone, or if the work failed: then the error is one of
            ``problems`` and the model is postponed.

        Raises:
            UnavailableError: The database or the store does not answer.
        """
        try:
            self._renew(name)
            return work(name)
        except ModelNotFoundError:
            return None  # never trained, or deleted in the meantime
        except UnavailableError:
            raise
        except PedigreeError as error:
            self.postponed.add(name)  # the other models continue
            self.problems.append((name, error))
            return None

    def _renew(self, name: str) -> None:
        try:
            self.registry.operations.checks.renew_verdicts(name)
        except (ModelNotFoundError, UnavailableError):
            raise
        except PedigreeError as error:
            # A check's library may be missing. That blocks only the versions that need the check.
            self.problems.append((name, error))

    def _changed(self, since: int | None, head: int) -> set[str]:
        """Return the models that have events after ``since``, as far as ``head``."""
        names: set[str] = set()
        while since is not None and since < head:
            events = self.registry.events(since, _PAGE)
            names |= {event.model for event in events if event.model}
            since = events[-1].seq if events else head
        return names
