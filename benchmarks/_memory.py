"""The memory of a server while it works."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

import psutil

from benchmarks._report import Measured
from benchmarks._servers import Running

_EACH_S = 0.05
_MOST_MIB = 64.0
_MIB = 1 << 20


class Watched:
    """The memory of a server: how much its largest process grew since this was made."""

    def __init__(self, server: Running) -> None:
        self._server = server
        self._before = resident_bytes(server)
        self.grown = 0

    def look(self) -> None:
        """Look at it now."""
        self.grown = max(self.grown, resident_bytes(self._server) - self._before)

    @contextmanager
    def looking(self) -> Iterator[None]:
        """Look at it often while a block runs."""
        ended = threading.Event()

        def look_often() -> None:
            while not ended.wait(_EACH_S):
                self.look()

        thread = threading.Thread(target=look_often)
        thread.start()
        try:
            yield
        finally:
            ended.set()
            thread.join()

    def growth(self, size: int) -> Measured:
        """Return how much it grew while files of a size in MiB were sent."""
        return Measured(
            what=f"growth of the service's memory by files of {size} MiB",
            value=self.grown / _MIB,
            unit="MiB",
            target=_MOST_MIB,
            at_least=False,
        )


def resident_bytes(server: Running) -> int:
    """Return the resident bytes of the largest process of a server."""
    root = psutil.Process(server.pid)
    return max(each.memory_info().rss for each in (root, *root.children(recursive=True)))
