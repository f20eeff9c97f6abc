"""Count bytes for whoever watches."""

import threading
from collections.abc import Callable
from typing import TypeAlias

Progress: TypeAlias = Callable[[int, int], None]
"""Called with the bytes that are done and those that are expected in all; from any thread."""


class Meter:
    """Adds up what several threads have done, and tells it."""

    def __init__(self, progress: Progress | None) -> None:
        self._progress = progress
        self._guard = threading.Lock()
        self._done = self._expected = 0

    def expect(self, size: int) -> None:
        """Let so many bytes more be expected."""
        self._report(0, size)

    def add(self, size: int) -> None:
        """Count bytes that are done."""
        self._report(size, 0)

    def _report(self, done: int, expected: int) -> None:
        if self._progress is None:
            return
        with self._guard:
            self._done += done
            self._expected += expected
            self._progress(self._done, self._expected)
