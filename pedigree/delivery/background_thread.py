"""Let work that waits for more of it have a thread, as long as a service runs."""

import logging
import threading
import time
from typing import Protocol, Self

_LOG = logging.getLogger(__name__)

_PAUSE_S = 0.5


class Work(Protocol):
    """What goes on until it is stopped."""

    def run(self, *, stop: threading.Event | None = None) -> int:
        """Work until ``stop`` is set."""


class BackgroundThread:
    """Does work in a thread of its own for the length of a block."""

    def __init__(self, work: Work, name: str = "delivery") -> None:
        self._work = work
        self._name = name
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name=f"pedigree-{name}", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        """End when what is under way has been answered."""
        self.stop()
        self._thread.join()

    def stop(self) -> None:
        """Begin nothing more; what is under way goes on."""
        self._stop.set()

    def _run(self) -> None:
        while not self._stop.is_set():
            try:
                self._work.run(stop=self._stop)
            except Exception:  # the database may be away for longer, and this outlives it
                action = f"{self._name}.postponed"
                _LOG.exception("%s is postponed", self._name, extra={"action": action})
                self._stop.wait(_PAUSE_S)


def is_over(deadline: float | None, stop: threading.Event | None) -> bool:
    """Say whether work that may go on for so long, or until it is stopped, is over."""
    if stop is not None and stop.is_set():
        return True
    return deadline is not None and time.monotonic() >= deadline
