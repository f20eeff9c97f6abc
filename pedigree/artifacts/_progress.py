"""Progress of a transfer in bytes."""

import threading
from collections.abc import Callable
from typing import TypeAlias

Progress: TypeAlias = Callable[[int, int], None]
"""Called with the completed and the total expected bytes, from any thread."""


class Meter:
    """Adds up the bytes of several threads, and reports the sum."""

    def __init__(self, progress: Progress | None) -> None:
        self._progress = progress
        self._guard = threading.Lock()
        self._done = self._expected = 0

    def expect(self, size: int) -> None:
        """Add to the expected bytes."""
        self._report(0, size)

    def add(self, size: int) -> None:
        """Add to the completed bytes."""
        self._report(size, 0)

    def _report(self, done: int, expected: int) -> None:
        if self._progress is None:
            return
        with self._guard:
            self._done += done
            self._expected += expected
            self._progress(self._done, self._expected)
