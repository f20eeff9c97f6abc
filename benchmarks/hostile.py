"""Honest point reads while somebody attacks the service, against the same reads without an attack.

``pedigree serve`` with one worker and 1,024 open files. The honest client reads an alias over
8 connections from a process of its own; the attacker is one process at nice 19
(``benchmarks._attack``). Each round measures the quiet service and then the attacked one. Name
attacks as arguments to run only those. On a busy machine percentiles say little; the processor time
of the worker for an attempt still does.
"""

import json
import math
import os
import statistics
import subprocess
import sys
import tempfile
import threading
import zipfile
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

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
# Of the stated rate; the rest is the time until the attacker has started.
_REACHED = 0.95

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
_MIB = 1 << 20
# 4 MB as a zip.
_ZEROS_MIB = 4 << 10
_LARGE_VERSIONS = 12
# A signature of this many columns makes a version of 2.5 MB.
_COLUMNS = 29_000


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
        _furnish(registry, folder)
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
                figure for kind in _chosen() for figure in _against(kind, server, hostile, reads)
            ]


def _chosen() -> list[str]:
    """Return the attacks that the arguments name, or all."""
    return [kind for kind in _attack.RATES if kind in sys.argv[1:]] or [*_attack.RATES]


def _furnish(registry: Registry, folder: Path) -> None:
    """Register files that are costly to scan, and versions that are large records."""
    file = folder / "bomb.zip"
    with (
        zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive,
        archive.open("weights", "w", force_zip64=True) as member,
    ):
        for _ in range(_ZEROS_MIB):
            member.write(bytes(_MIB))
    registry.register(_attack.BOMBS, file, _VERSION)
    file = folder / "model.pkl"
    file.write_bytes(b"\x80\x04" + b"N0" * (2 * _MIB) + b"N.")
    registry.register(_attack.BOMBS, file, _VERSION)
    columns = tuple(Column(name=f"{n:032}", type=ColumnType.DOUBLE) for n in range(_COLUMNS))
    wide = Signature(inputs=columns, outputs=(_NUMBER,))
    large = _VERSION.model_copy(
        update={"metadata": _VERSION.metadata.model_copy(update={"signature": wide})}
    )
    for number in range(_LARGE_VERSIONS):
        file = folder / "large.bin"
        file.write_text(str(number))
        registry.register(_attack.LARGE, file, large)


def _against(kind: str, server: Running, secret: str, reads: list[list[str]]) -> Iterator[Measured]:
    """Yield the figures of one attack: reads by turns without and with it, and the memory."""
    ratios, attacks, extra = list[float](), list[_Attacked](), 0.0
    for _ in range(_ROUNDS):
        quiet = _reads(server, reads)
        with _attacked(kind, server, secret) as attack:
            attacked = _reads(server, reads)
        ratios.append(attacked.p99 / quiet.p99)
        attacks.append(attack)
        extra += attacked.processor_s - attacked.number * quiet.processor_s / quiet.number
        print(f"{kind}: {quiet}, {attacked}, {attack}", file=sys.stderr)
    name = kind.replace("_", " ")
    stated = _attack.RATES[kind].per_s
    yield Measured(
        what=f"{name}: attempts",
        value=sum(each.begun for each in attacks) / sum(each.seconds for each in attacks),
        unit="per second",
        target=_REACHED * stated,
    )
    yield Measured(
        what=f"{name}: 99th percentile of honest reads",
        value=statistics.median(ratios),
        unit="times the quiet one",
        target=_TIMES_QUIET,
        at_least=False,
    )
    yield Measured(
        what=f"{name}: processor of the worker",
        value=1000 * extra / sum(each.begun for each in attacks),
        unit="ms for an attempt",
    )
    yield Measured(
        what=f"{name}: largest memory of the worker",
        value=max(each.most_bytes for each in attacks) / _MIB,
        unit="MiB",
        target=_MOST_MIB,
        at_least=False,
    )


class _Reads(NamedTuple):
    """The honest reads of one turn."""

    p99: float
    """Seconds; infinity if the service refused one or hung up."""
    number: float
    processor_s: float
    """Of the worker, for everything that it did."""


def _reads(server: Running, reads: list[list[str]]) -> _Reads:
    process = psutil.Process(server.pid)
    before = process.cpu_times()
    try:
        found = drive(server, reads, seconds=_SECONDS)
    except SystemExit as refused:
        print(str(refused)[:300], file=sys.stderr)
        found = {"p99": math.inf, "rate": 0.0}
    after = process.cpu_times()
    used = after.user + after.system - before.user - before.system
    return _Reads(float(found["p99"]), max(1.0, found["rate"] * _SECONDS), used)


@dataclass
class _Attacked:
    """What an attack did, known once it has ended."""

    begun: int = 0
    seconds: float = 0.0
    """In which it could begin one: fewer were in progress than it may have."""
    answers: Counter[str] = field(default_factory=Counter)
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
            done = json.loads(attacker.communicate(timeout=60)[0])
            found.begun, found.seconds = done["begun"], done["seconds"]
            found.answers.update(done["answers"])
            ended.set()
            sampler.join()


if __name__ == "__main__":
    sys.exit(main())
