"""The uses of grants in a worker, which are noted at most once an hour for each grant."""

import logging
import time
from asyncio import get_running_loop
from collections.abc import Callable, Collection
from concurrent.futures import Executor

from pedigree.errors import PedigreeError

_LOG = logging.getLogger(__name__)

_INTERVAL_S = 3600.0
_MOST_KNOWN = 100_000


class GrantUses:
    """The uses of grants; used on the event loop alone.

    Args:
        write: Writes that grants were used.
        threads: Where it writes; no request waits for it.
        clock: Seconds that go on.
    """

    def __init__(
        self,
        write: Callable[[Collection[int]], object],
        threads: Executor,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._write = write
        self._threads = threads
        self._clock = clock
        self._noted: dict[int, float] = {}

    def note(self, grant_ids: Collection[int]) -> None:
        """Note that grants allowed a request now."""
        now = self._clock()
        new = [
            each for each in grant_ids if self._noted.get(each, -_INTERVAL_S) + _INTERVAL_S <= now
        ]
        if not new:
            return
        if len(self._noted) >= _MOST_KNOWN:
            self._noted.clear()
        self._noted.update(dict.fromkeys(new, now))
        get_running_loop().run_in_executor(self._threads, self._keep, new)

    def _keep(self, grant_ids: Collection[int]) -> None:
        try:
            self._write(grant_ids)
        except PedigreeError as error:
            # The next use after an hour is noted again.
            _LOG.warning(
                "The use of grants was not noted: %s", error, extra={"action": "grants.use_lost"}
            )
