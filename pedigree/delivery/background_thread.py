"""A background thread for work that runs as long as a service."""

import logging
import threading
import time
from typing import Protocol, Self

_LOG = logging.getLogger(__name__)

_PAUSE_S = 0.5


class Work(Protocol):
    """Work that runs until it is stopped."""

    def run(self, *, stop: threading.Event | None = None) -> int:
        """Work until ``stop`` is set."""


class BackgroundThread:
    """Runs work in its own thread for the duration of a block."""

    def __init__(self, work: Work, name: str = "delivery") -> None:
        self._work = work
        self._name = name
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name=f"pedigree-{name}", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Stop after the work in progress has finished."""
        self.stop()
        self._thread.join()

    def stop(self) -> None:
        """Start no further work; the work in progress continues."""
        self._stop.set()

    def _run(self) -> None:
        while not self._stop.is_set():
            try:
                self._work.run(stop=self._stop)
            except Exception:  # the thread survives a longer outage of the database
                action = f"{self._name}.postponed"
                _LOG.exception("%s is postponed", self._name, extra={"action": action})
                self._stop.wait(_PAUSE_S)


def is_over(deadline: float | None, stop: threading.Event | None) -> bool:
    """Return whether the deadline has passed or the work is stopped."""
    if stop is not None and stop.is_set():
        return True
    return deadline is not None and time.monotonic() >= deadline
