"""Counts of the list of models that a process keeps, as long as the database says that they hold.

Counting reads a row of every model, and a page shows fifty. So counts are kept together with the
snapshot in which they were made. They hold if no later transaction changed what they are made of,
which one look-up by an index says: it is asked each time, so that no list shows counts that are
true no more.
"""

import time
from collections import OrderedDict
from collections.abc import Hashable
from threading import Lock
from typing import Any, NamedTuple

# Snapshots of a server that was restored from a backup cannot be compared with earlier ones. It has
# restarted, and nobody reads old counts for longer than this.
_LONGEST_S = 60.0
_MOST = 200


class Kept(NamedTuple):
    """Counts, and the snapshot in which they were made."""

    counts: dict[str, Any]
    snapshot: str
    until: float


class KeptCounts:
    """The counts of the questions that were asked last."""

    def __init__(self) -> None:
        self._kept: OrderedDict[Hashable, Kept] = OrderedDict()
        self._lock = Lock()

    def get(self, question: Hashable) -> Kept | None:
        """Return what is kept for a question; the database says whether it holds."""
        with self._lock:
            found = self._kept.get(question)
            if found is None or found.until < time.monotonic():
                return None
            self._kept.move_to_end(question)
            return found

    def keep(self, question: Hashable, counts: dict[str, Any], snapshot: str) -> None:
        """Keep counts for a question."""
        with self._lock:
            self._kept[question] = Kept(counts, snapshot, time.monotonic() + _LONGEST_S)
            self._kept.move_to_end(question)
            while len(self._kept) > _MOST:
                self._kept.popitem(last=False)
