"""Honest point reads while somebody attacks the service, against the same reads without an attack.

``pedigree serve`` with one worker and 1,024 open files. The honest client reads an alias over
8 connections from a process of its own; the attacker is one process at nice 19
(``benchmarks._attack``). Each round measures the quiet service and then the attacked one.
"""

import math
import os
import statistics
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psutil

from benchmarks import _attack
from benchmarks._report import Measured, report
from benchmarks._requests import ALIAS, Ours
from benchmarks._servers import Running, drive, running
from pedigree import NewVersion, Registry, Settings
from pedigree.access.records import Role
from pedigree.catalog.records import DeclaredMetadata
from pedigree.signatures.records import Column, ColumnType, Signature

_ROUNDS = 3
_SECONDS = 8.0
_WARM_UP_S = 2.0
_SAMPLED_EVERY_S = 0.1

# The limit of open files in many containers; the attack with slow headers aims at it.
_OPEN_FILES = 1024
_TIMES_QUIET = 3.0
_MOST_MIB = 512.0

_NUMBER = Column(name="age", type=ColumnType.DOUBLE)
_VERSION = NewVersion(
    metadata=DeclaredMetadata(
        flavor="generic",
        signature=Signature(inputs=(_NUMBER,), outputs=(_NUMBER,)),
        run_id="run-1",
        git_commit="0" * 40,
        git_dirty=False,
    )
)
_MODEL = "churn"


def main() -> int:
    """Measure and report; return the exit code."""
    for name in [name for name in os.environ if name.startswith("PEDIGREE_")]:
        del os.environ[name]
    with tempfile.TemporaryDirectory(prefix="pedigree-bench-") as folder:
        return report(_measure(Path(folder)), sys.argv[1:])


def _measure(folder: Path) -> list[Measured]:
    settings = Settings(home=folder / "home", actor="bench")
    with Registry.connect(settings=settings) as registry:
        (folder / "model.bin").write_bytes(b"weights")
        registry.register(_MODEL, folder / "model.bin", _VERSION)
        registry.set_alias(_MODEL, ALIAS, 1)
        hostile, honest = (
            registry.create_token(name, roles=[role]).secret
            for name, role in (("hostile", Role.CONTRIBUTOR), ("honest", Role.READER))
        )
        environment = {"PEDIGREE_HOME": str(settings.home), "PEDIGREE_SERVE_DRAIN": "0s"}
        pedigree = str(Path(sys.executable).with_name("pedigree"))
        program = ["sh", "-c", f'ulimit -n {_OPEN_FILES} && exec "$0" serve "$@"', pedigree]
        with running(program, environment, "/livez") as server:
            reads = Ours([_MODEL], honest).by_alias()
            drive(server, reads, seconds=_WARM_UP_S)
            return [
                figure
                for kind in _attack.KINDS
                for figure in _against(kind, server, hostile, reads)
            ]


def _against(kind: str, server: Running, secret: str, reads: list[list[str]]) -> Iterator[Measured]:
    """Yield the figures of one attack: reads by turns without and with it, and the memory."""
    ratios, attempts = [], 0
    for _ in range(_ROUNDS):
        quiet = _p99(server, reads)
        with _attacked(kind, server, secret) as attack:
            attacked = _p99(server, reads)
        ratios.append(attacked / quiet)
        attempts += attack.attempts
    name = kind.replace("_", " ")
    yield Measured(what=f"{name}: connections made", value=attempts, unit="")
    yield Measured(
        what=f"{name}: 99th percentile of honest reads",
        value=statistics.median(ratios),
        unit="times the quiet one",
        target=_TIMES_QUIET,
        at_least=False,
    )
    yield Measured(
        what=f"{name}: largest memory of the worker",
        value=attack.most_bytes / 2**20,
        unit="MiB",
        target=_MOST_MIB,
        at_least=False,
    )


def _p99(server: Running, reads: list[list[str]]) -> float:
    """Return the 99th percentile of reads; infinity if the service refused one or hung up."""
    try:
        return float(drive(server, reads, seconds=_SECONDS)["p99"])
    except SystemExit as refused:
        print(str(refused)[:300], file=sys.stderr)
        return math.inf


@dataclass
class _Attacked:
    """What an attack did, known once it has ended."""

    attempts: int = 0
    most_bytes: int = 0


@contextmanager
def _attacked(kind: str, server: Running, secret: str) -> Iterator[_Attacked]:
    """Attack a server for the duration of a block, and sample its memory."""
    words = ["-m", "benchmarks._attack", kind, str(server.port), secret]
    found, ended = _Attacked(), threading.Event()
    process = psutil.Process(server.pid)

    def sample() -> None:
        while not ended.wait(_SAMPLED_EVERY_S):
            found.most_bytes = max(found.most_bytes, process.memory_info().rss)

    sampler = threading.Thread(target=sample)
    with subprocess.Popen([sys.executable, *words], stdout=subprocess.PIPE, text=True) as attacker:
        sampler.start()
        try:
            yield found
        finally:
            attacker.terminate()
            found.attempts = int(attacker.communicate(timeout=60)[0])
            ended.set()
            sampler.join()


if __name__ == "__main__":
    sys.exit(main())
