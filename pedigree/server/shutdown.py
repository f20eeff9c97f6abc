"""End a process without losing a request: it says that it goes, and answers until it is gone.

Behind SIGTERM ``/readyz`` is 503, so that balancers look elsewhere; every connection is closed
behind its answer; deliveries that are under way are ended, and no more are begun. After the time of
``PEDIGREE_SERVE_DRAIN`` the server stops to listen, and ends what is still at work.
"""

import asyncio
import logging
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

_LOG = logging.getLogger(__name__)


class Drain:
    """Whether a process is about to end."""

    def __init__(self) -> None:
        self.begun = False
        self._first: list[Callable[[], object]] = []

    def at_once(self, work: Callable[[], object]) -> None:
        """Do something as soon as it begins."""
        self._first.append(work)

    def begin(self) -> None:
        """Tell everybody that this process goes."""
        self.begun = True
        for work in self._first:
            work()


def _announce(seconds: float) -> None:
    _LOG.info("it ends in %g s", seconds, extra={"action": "serve.draining"})


@contextmanager
def draining(drain: Drain, seconds: float) -> Iterator[None]:
    """Let SIGTERM drain this process before the server hears of it; a second one ends it at once.

    In no other than the main thread, to which signals come.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    loop = asyncio.get_running_loop()
    servers = signal.getsignal(signal.SIGTERM)

    def stop(number: int, frame: FrameType | None = None) -> None:
        if callable(servers):
            servers(number, frame)

    def handle(number: int, frame: FrameType | None) -> None:
        if drain.begun:
            stop(number, frame)
            return
        drain.begin()
        loop.call_soon_threadsafe(_announce, seconds)
        loop.call_soon_threadsafe(lambda: loop.call_later(seconds, stop, number))

    signal.signal(signal.SIGTERM, handle)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, servers)
