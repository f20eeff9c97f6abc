"""What passing on to an MLflow server costs: added time, throughput, bytes and memory.

A server of MLflow 3.17.2 with two workers is asked directly and through ``pedigree serve`` with two
workers, in turn: small reads over one and over 8 connections, and a file of 1 GiB in both
directions. ``--file-mib N`` sets another size.
"""

import argparse
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path

import httpx2

from benchmarks import _mlflow
from benchmarks._memory import Watched
from benchmarks._report import Measured, report
from benchmarks._servers import CONNECTIONS, Running, drive, running
from pedigree import Registry, Settings
from pedigree.access.records import Role

_ROUNDS = 5
_MOST_ADDED_MS = 3.0
_LEAST_SHARE = 0.7
_MIB = 1 << 20
_LOOK_MIB = 64

_BIN = Path(sys.executable).parent
_PATH = "/api/2.0/mlflow/experiments/get?experiment_id=0"
_FILE = "/api/2.0/mlflow-artifacts/artifacts/0/bench/artifacts/large.bin"


def main() -> int:
    """Measure and report; return the exit code."""
    parser = argparse.ArgumentParser(add_help=False)
    parser.add_argument("--file-mib", type=int, default=1024)
    size = parser.parse_known_args(sys.argv[1:])[0].file_mib
    with tempfile.TemporaryDirectory(prefix="pedigree-bench-") as folder, ExitStack() as stack:
        theirs = stack.enter_context(_mlflow_server(Path(folder)))
        ours, head = stack.enter_context(_service(Path(folder), theirs))
        figures = [*_small(theirs, ours, head), *_large(theirs, ours, head, size)]
    return report(figures, sys.argv[1:])


@contextmanager
def _mlflow_server(folder: Path) -> Iterator[Running]:
    environment = _mlflow.installed(Path(".bench"))
    home = folder / "mlflow"
    home.mkdir()
    command: list[str | Path] = [environment / "bin" / "python", "-m", "mlflow", "server"]
    # Else its parent kills workers that do not answer within 5 s, as on a busy machine.
    command += ["--workers", "2", "--uvicorn-opts", "--timeout-worker-healthcheck 300"]
    places = ["--backend-store-uri", f"sqlite:///{home}/mlflow.db"]
    places += ["--artifacts-destination", str(home / "files")]
    with running([*command, *places], {"MLFLOW_DISABLE_TELEMETRY": "true"}, "/health") as server:
        yield server


@contextmanager
def _service(folder: Path, upstream: Running) -> Iterator[tuple[Running, str]]:
    home = folder / "home"
    environment = {
        "PEDIGREE_HOME": str(home),
        "PEDIGREE_ACTOR": "bench",
        "PEDIGREE_SERVE_DRAIN": "0s",
        "PEDIGREE_MLFLOW_PROXY": "true",
        "PEDIGREE_MLFLOW_UPSTREAM": f"http://127.0.0.1:{upstream.port}",
    }
    with Registry.connect(settings=Settings(home=home, actor="bench")) as registry:
        secret = registry.create_token("bench", roles=[Role.ADMIN]).secret
    command = [str(_BIN / "pedigree"), "serve", "--workers", "2"]
    with running(command, environment, "/livez") as server:
        yield server, f"Authorization: Bearer {secret}\r\n"


def _small(theirs: Running, ours: Running, head: str) -> list[Measured]:
    """Compare small reads: the time of one at a time, and how many there are at most."""
    directly = [[f"GET {_PATH} HTTP/1.1\r\nHost: localhost\r\n\r\n"]]
    through = [[f"GET {_PATH} HTTP/1.1\r\nHost: localhost\r\n{head}\r\n"]]
    added, shares = [], []
    for _ in range(_ROUNDS):
        alone = [drive(*one, connections=1)["p50"] for one in ((theirs, directly), (ours, through))]
        added.append((alone[1] - alone[0]) * 1000)
        rates = [
            drive(*one, connections=CONNECTIONS)["rate"]
            for one in ((theirs, directly), (ours, through))
        ]
        shares.append(rates[1] / rates[0])
    return [
        Measured(
            what="time that passing on adds to a read, at the median",
            value=statistics.median(added),
            unit="ms",
            target=_MOST_ADDED_MS,
            at_least=False,
        ),
        _share("reads a second over 8 connections, of those without passing on", shares),
    ]


def _large(theirs: Running, ours: Running, head: str, size: int) -> list[Measured]:
    """Compare the upload and the download of a file, and see how the service grows."""
    name, _, value = head.strip().partition(": ")
    watched = Watched(ours)
    figures = []
    for what, send in (("upload", _upload), ("download", _download)):
        directly, through = [], []
        for _ in range(_ROUNDS):
            directly.append(_timed(partial(send, theirs, {}, size)))
            through.append(_timed(partial(send, ours, {name: value}, size, watched.look)))
        share = min(directly) / min(through)
        figures.append(_share(f"{what} of {size} MiB, of the rate without passing on", [share]))
    return [*figures, watched.growth(size)]


def _share(what: str, shares: list[float]) -> Measured:
    value = statistics.median(shares)
    return Measured(what=what, value=value, unit="times", target=_LEAST_SHARE)


def _nothing() -> None:
    """Look at nothing."""


def _upload(
    server: Running, headers: dict[str, str], size: int, look: Callable[[], None] = _nothing
) -> None:
    piece = b"0123456789abcdef" * (_MIB // 16)
    url = f"http://127.0.0.1:{server.port}{_FILE}"
    stated = {**headers, "Content-Length": str(size * _MIB)}

    def content() -> Iterator[bytes]:
        for number in range(size):
            yield piece
            if number % _LOOK_MIB == 0:
                look()

    httpx2.put(url, content=content(), headers=stated, timeout=600).raise_for_status()


def _download(
    server: Running, headers: dict[str, str], size: int, look: Callable[[], None] = _nothing
) -> None:
    url = f"http://127.0.0.1:{server.port}{_FILE}"
    with httpx2.stream("GET", url, headers=headers, timeout=600) as answer:
        received = 0
        for number, piece in enumerate(answer.iter_raw(_MIB)):
            received += len(piece)
            if number % _LOOK_MIB == 0:
                look()
    if received != size * _MIB:
        raise SystemExit(f"{url} sent {received} bytes")


def _timed(work: Callable[[], None]) -> float:
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


if __name__ == "__main__":
    sys.exit(main())
