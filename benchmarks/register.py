"""Registrations per second for one model: 16 processes register 200 different artifacts each.

The registry is embedded, with default durability, in a separate folder; ``PEDIGREE_*`` variables of
the shell are unset. At the end the versions must be 1 … 3200 without gaps. Then ``pgbench`` inserts
the same rows with as many connections, on one locked model of the same Postgres.
"""

import multiprocessing
import os
import sys
import tempfile
import time
from multiprocessing.synchronize import Barrier, Event
from pathlib import Path

from benchmarks import _same_rows
from benchmarks._report import Measured, report
from pedigree import Column, DeclaredMetadata, NewVersion, Registry, Settings, Signature
from pedigree.signatures.records import ColumnType

_PROCESSES = 16
_ARTIFACTS = 200
_SHARE = 0.6
_MODEL, _BARE_MODEL = "churn", "bare"
_ARTIFACT_BYTES = 20_000


def main() -> int:
    """Measure and report; return the exit code."""
    for name in [name for name in os.environ if name.startswith("PEDIGREE_")]:
        del os.environ[name]
    with tempfile.TemporaryDirectory(prefix="pedigree-bench-") as folder:
        home = Path(folder)
        with Registry.connect(settings=Settings(home=home)) as registry:
            seconds = _measure(home)
            bare = _bare(registry, home)
            versions = [version.version_id for version in registry.versions(_MODEL, limit=10_000)]
    wanted = list(range(1, _PROCESSES * _ARTIFACTS + 1))
    if sorted(versions) != wanted:
        print(f"the versions are not 1 … {wanted[-1]} without gaps", file=sys.stderr)
        return 1
    rate = len(versions) / seconds
    what = f"{len(versions)} versions of one model by {_PROCESSES} processes, no gaps"
    figures = [
        Measured(what=what, value=rate, unit="/s"),
        Measured(what="the same rows by pgbench", value=bare, unit="/s"),
        Measured(what="against pgbench", value=rate / bare, unit="times its rate", target=_SHARE),
    ]
    return report(figures, sys.argv[1:])


def _bare(registry: Registry, home: Path) -> float:
    """Return how often a second Postgres alone inserts the rows of one version."""
    for number in (1, 2):
        path = home / f"bare-{number}.bin"
        path.write_bytes(os.urandom(_ARTIFACT_BYTES))
        registry.register(_BARE_MODEL, path, new_version(f"run-bare-{number}"))
    server = registry.database.server
    assert server is not None
    text = _same_rows.script(server.url("pedigree"), _BARE_MODEL, 2)
    return _same_rows.rate(server, "pedigree", text, home, _PROCESSES)


def _measure(home: Path) -> float:
    # spawn, so that processes inherit nothing, as separate users.
    context = multiprocessing.get_context("spawn")
    ready, go = context.Barrier(_PROCESSES + 1), context.Event()
    workers = [
        context.Process(target=_work, args=(number, home, ready, go))
        for number in range(_PROCESSES)
    ]
    for worker in workers:
        worker.start()
    ready.wait()  # interpreters are started, connections are open, files are written
    started = time.perf_counter()
    go.set()
    for worker in workers:
        worker.join()
    if failed := [worker.exitcode for worker in workers if worker.exitcode]:
        raise SystemExit(f"{len(failed)} of {_PROCESSES} processes failed: {failed}")
    return time.perf_counter() - started


def _work(number: int, home: Path, ready: Barrier, go: Event) -> None:
    folder = home / "artifacts" / str(number)
    folder.mkdir(parents=True)
    paths = [folder / f"{index}.bin" for index in range(_ARTIFACTS)]
    for path in paths:
        path.write_bytes(os.urandom(_ARTIFACT_BYTES))
    with Registry.connect(settings=Settings(home=home, actor=f"process {number}")) as registry:
        registry.models()
        ready.wait()
        go.wait()
        for index, path in enumerate(paths):
            registry.register(_MODEL, path, new_version(f"run-{number}-{index}"))


def new_version(run_id: str) -> NewVersion:
    """Return the metadata of a version by a run."""
    return NewVersion(
        metadata=DeclaredMetadata(
            flavor="generic",
            signature=Signature(
                inputs=(Column(name="age", type=ColumnType.DOUBLE),),
                outputs=(Column(name="score", type=ColumnType.DOUBLE),),
            ),
            run_id=run_id,
            git_commit="0123456789abcdef0123456789abcdef01234567",
            git_dirty=False,
            metrics={"auc": 0.9, "f1": 0.5},
            params={"depth": 3},
            tags={"team": "growth"},
        )
    )


if __name__ == "__main__":
    sys.exit(main())
