"""A throttle: what was done recently is not done again for each request."""

import threading
import time
from collections import OrderedDict
from collections.abc import Hashable

_MOST = 10_000


class Throttle:
    """Remembers what this process has done within a time.

    Args:
        seconds: The time.
    """

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._done: OrderedDict[Hashable, float] = OrderedDict()
        self._guard = threading.Lock()

    def is_new(self, what: Hashable) -> bool:
        """Return whether something was not done recently, and remember it as done.

        >>> throttle = Throttle(60)
        >>> throttle.is_new("a"), throttle.is_new("a")
        (True, False)
        """
        now = time.monotonic()
        with self._guard:
            if now - self._done.get(what, -self._seconds) < self._seconds:
                return False
            self._done[what] = now
            self._done.move_to_end(what)
            if len(self._done) > _MOST:
                self._done.popitem(last=False)
            return True
