"""Workers that are forked from one process that has already imported the application.

That process starts first and has neither threads nor connections, so forking it is safe. uvicorn
still supervises the workers; on its own it would start a new interpreter for each, which takes a
second.
"""

import multiprocessing
import os
import socket
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing import forkserver
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from uvicorn.config import Config

# The Prometheus library reads it when it is imported.
_COUNTS = "PROMETHEUS_MULTIPROC_DIR"
_FORKING = multiprocessing.get_context("forkserver")


@contextmanager
def prepared(workers: int) -> Iterator[None]:
    """Start the process from which several workers are forked, without waiting for it.

    It does not see later changes of the environment. The workers count requests in a shared folder,
    which keeps the counts of a worker that has ended.
    """
    if workers == 1:
        yield
        return
    with _counting_together():
        _FORKING.set_forkserver_preload(["__main__", "pedigree.server.app"])
        forkserver.ensure_running()
        yield


@contextmanager
def _counting_together() -> Iterator[None]:
    if _COUNTS in os.environ:
        yield
        return
    with tempfile.TemporaryDirectory(prefix="pedigree-metrics-") as folder:
        os.environ[_COUNTS] = folder
        try:
            yield
        finally:
            del os.environ[_COUNTS]


def run(config: "Config", sockets: list[socket.socket]) -> None:
    """Run workers of an application until a signal arrives.

    Args:
        config: uvicorn's configuration; it must be picklable.
        sockets: Where the workers listen.
    """
    # Imported after that process has started, which does not need it.
    from uvicorn import _subprocess as uvicorns  # noqa: PLC0415
    from uvicorn.supervisors import Multiprocess  # noqa: PLC0415

    # uvicorn has no setting for the context.
    uvicorns.spawn = _FORKING  # type: ignore[assignment]
    Multiprocess(config, sockets=sockets).run()
