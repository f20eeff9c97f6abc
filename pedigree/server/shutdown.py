"""Graceful shutdown: the process announces its end, and answers requests until then.

After SIGTERM, ``/readyz`` is 503, so that load balancers choose another process; every connection
is closed after its answer; deliveries in progress are finished, and no others begin. After the time
of ``PEDIGREE_SERVE_DRAIN`` the server stops listening, and ends the requests in progress.
"""

import asyncio
import logging
import multiprocessing
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

_LOG = logging.getLogger(__name__)


class Drain:
    """Whether a process is shutting down."""

    def __init__(self) -> None:
        self.begun = False
        self._first: list[Callable[[], object]] = []

    def at_once(self, work: Callable[[], object]) -> None:
        """Register work to do as soon as the shutdown begins."""
        self._first.append(work)

    def begin(self) -> None:
        """Begin the shutdown, and do the registered work."""
        self.begun = True
        for work in self._first:
            work()


def _announce(seconds: float) -> None:
    _LOG.info("the process stops in %g s", seconds, extra={"action": "serve.draining"})


@contextmanager
def draining(drain: Drain, seconds: float) -> Iterator[None]:
    """Make SIGTERM drain this process before the server gets it; a second one ends it at once.

    This works only in the main thread, which receives signals.
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
        with _ending_with_supervisor(loop):
            yield
    finally:
        signal.signal(signal.SIGTERM, servers)


@contextmanager
def _ending_with_supervisor(loop: asyncio.AbstractEventLoop) -> Iterator[None]:
    """Drain this worker if its supervisor dies: it would keep the port from a new one."""
    supervisor = multiprocessing.parent_process()
    if supervisor is None:
        yield
        return

    def end() -> None:
        loop.remove_reader(supervisor.sentinel)
        signal.raise_signal(signal.SIGTERM)

    loop.add_reader(supervisor.sentinel, end)
    try:
        yield
    finally:
        loop.remove_reader(supervisor.sentinel)
