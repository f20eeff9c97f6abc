"""Workers that are forked from a process which has imported the application, once for all.

That process is made first and has neither threads nor connections, so forking it is safe. uvicorn
watches the workers as ever; it would let each begin with an interpreter of its own, a second of
work that is the same for all.
"""

import multiprocessing
import os
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from multiprocessing import forkserver
from typing import Any

# Of Prometheus' library, which heeds it when it is imported.
_COUNTS = "PROMETHEUS_MULTIPROC_DIR"
_FORKING = multiprocessing.get_context("forkserver")


@contextmanager
def prepared(workers: int) -> Iterator[None]:
    """Let the process begin from which several workers are forked; this does not wait for it.

    What is put into the environment later is not there. Each of the workers counts for all of them
    in a folder that they get, also behind its end.
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
        yield


def run(workers: int, make_app: Callable[[], object], **options: Any) -> None:
    """Run so many workers of an application until a signal comes.

    Args:
        workers: How many.
        make_app: Makes the application in each of them; it can be pickled.
        options: What is told to uvicorn.
    """
    # Behind the start of that process, which has no use for it being first.
    import uvicorn  # noqa: PLC0415
    from uvicorn import _subprocess as uvicorns  # noqa: PLC0415
    from uvicorn.supervisors import Multiprocess  # noqa: PLC0415

    # It has no setting for that.
    uvicorns.spawn = _FORKING  # type: ignore[assignment]
    config = uvicorn.Config(make_app, factory=True, workers=workers, **options)
    Multiprocess(config, sockets=[config.bind_socket()]).run()
