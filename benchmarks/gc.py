"""Garbage collection without grace periods, while six processes register and two delete.

All registrations draw from the same forty files, so bytes are collected and uploaded again all the
time. Nothing may be lost: no client may see an error, no row may refer to bytes that do
not exist, and `fsck` must find nothing, neither during the run nor at the end.
``--seconds 60`` is the default.
"""

import multiprocessing
import os
import random
import sys
import tempfile
import time
from collections import Counter
from dataclasses import dataclass
from datetime import timedelta
from multiprocessing.sharedctypes import Synchronized
from multiprocessing.synchronize import Event
from pathlib import Path

from benchmarks._report import Measured, report
from pedigree import Column, DeclaredMetadata, NewVersion, Registry, Settings, Signature
from pedigree.errors import BytesCollectedError, BytesTakenError, NotFoundError
from pedigree.maintenance.gc_apply import apply_plan
from pedigree.signatures.records import ColumnType

_REGISTERING = 6
_DELETING = 2
_FILES = 40
_MOST_FILES = 2
_MODELS = 2
_ROUNDS_A_CHECK = 5


@dataclass(frozen=True, kw_only=True)
class Load:
    """The shared state of the processes."""

    settings: Settings
    database_url: str | None
    files: Path
    stop: Event
    registered: "Synchronized[int]"
    deleted: "Synchronized[int]"
    errors: "Synchronized[int]"


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """The result of a run."""

    seconds: float
    registered: int
    deleted: int
    collected: int
    removed: int
    errors: int
    dangling: int
    violations: int


def main() -> int:
    """Measure and report; return the exit code."""
    for name in [name for name in os.environ if name.startswith("PEDIGREE_")]:
        del os.environ[name]
    with tempfile.TemporaryDirectory(prefix="pedigree-bench-") as folder:
        done = run(Path(folder), _seconds(sys.argv[1:]))
    rates = {
        "registrations": done.registered,
        "deletions": done.deleted,
        "versions collected": done.collected,
        "objects removed": done.removed,
    }
    figures = [
        *(
            Measured(what=what, value=count / done.seconds, unit="/s", target=1.0, at_least=True)
            for what, count in rates.items()
        ),
        _none("errors that clients saw", done.errors),
        _none("references to missing bytes", done.dangling),
        _none("violations that fsck found", done.violations),
    ]
    return report(figures, sys.argv[1:])


def _seconds(words: list[str]) -> float:
    return float(words[words.index("--seconds") + 1]) if "--seconds" in words else 60.0


def _none(what: str, count: int) -> Measured:
    return Measured(what=what, value=count, unit="", target=0, at_least=False)


def run(home: Path, seconds: float, database_url: str | None = None) -> Outcome:
    """Load a registry for some seconds while this process collects; then check everything."""
    files = home / "files"
    files.mkdir(parents=True)
    for number in range(_FILES):
        (files / str(number)).write_bytes(random.Random(number).randbytes(2_000))
    context = multiprocessing.get_context("spawn")
    load = Load(
        settings=Settings(home=home, actor="benchmark", retention_window=timedelta(0)),
        database_url=database_url,
        files=files,
        stop=context.Event(),
        registered=context.Value("i", 0),
        deleted=context.Value("i", 0),
        errors=context.Value("i", 0),
    )
    with _connect(load) as registry:
        workers = [
            context.Process(target=work, args=(load, number))
            for work, count in ((_register, _REGISTERING), (_delete, _DELETING))
            for number in range(count)
        ]
        for worker in workers:
            worker.start()
        done = _collect_for(registry, seconds, load)
        load.stop.set()
        for worker in workers:
            worker.join()
        failed = sum(worker.exitcode != 0 for worker in workers)
        return _outcome(registry, seconds, load, done, failed)


def _connect(load: Load) -> Registry:
    return Registry.connect(load.database_url, settings=load.settings)


def _collect_for(registry: Registry, seconds: float, load: Load) -> Counter[str]:
    done: Counter[str] = Counter()
    while not load.registered.value and not load.errors.value:  # interpreters start
        time.sleep(0.05)
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if done["rounds"] % _ROUNDS_A_CHECK == 0:
            done["violations"] += _violations(registry)
        with registry.plan_gc() as plan:
            collection = apply_plan(
                registry.database,
                registry.store,
                plan,
                registry.actor(),
                window=timedelta(0),
                settle=timedelta(0),
            )
        done.update({kind: count.items for kind, count in collection.done.items()}, rounds=1)
    return done


def _violations(registry: Registry, *names: str) -> int:
    """Return the current violations of these invariants, or of all invariants."""
    checks = [one for one in registry.fsck(hashes=True).checks if not names or one.name in names]
    for check in checks:
        for example in check.examples[:3]:
            print(f"{check.name}: {example.reference}: {example.problem}", file=sys.stderr)
    return sum(check.violations for check in checks)


def _outcome(
    registry: Registry, seconds: float, load: Load, done: Counter[str], failed: int
) -> Outcome:
    return Outcome(
        seconds=seconds,
        registered=load.registered.value,
        deleted=load.deleted.value,
        collected=done["version"],
        removed=done["blob"],
        errors=load.errors.value + failed,
        dangling=_violations(registry, "artifacts_complete", "objects_intact", "cards_complete"),
        violations=_violations(registry) + done["violations"],
    )


def _register(load: Load, number: int) -> None:
    draw = random.Random(number)
    with _connect(load) as registry:
        turn = 0
        while not load.stop.is_set():
            turn += 1
            folder = _artifact(load, draw, f"{number}-{turn}")
            name, run_id = f"model-{draw.randrange(_MODELS)}", f"run-{number}-{turn}"
            try:
                made = registry.register(name, folder, _new_version(run_id))
            except Exception as error:  # any error that a client sees counts
                _count_error(load, error)
                continue
            finally:
                _remove(folder)
            _count(load.registered)
            if turn % 10 == 0:
                _write_card(load, registry, made.version.reference)


def _write_card(load: Load, registry: Registry, reference: str) -> None:
    try:
        registry.write_card(reference)
    except NotFoundError:
        pass  # another process deleted it
    except Exception as error:
        _count_error(load, error)


def _delete(load: Load, number: int) -> None:
    """Delete existing versions, and sometimes restore them."""
    draw = random.Random(1000 + number)
    with _connect(load) as registry:
        while not load.stop.is_set():
            for model in registry.models():
                for version in registry.versions(model.name):
                    try:
                        registry.delete(version.reference, reason="benchmark")
                        _count(load.deleted)
                        if draw.random() < 0.2:
                            registry.restore(version.reference)
                    except (NotFoundError, BytesCollectedError, BytesTakenError):
                        continue  # the other process was faster
                    except Exception as error:
                        _count_error(load, error)


def _artifact(load: Load, draw: random.Random, name: str) -> Path:
    folder = load.settings.home_folder / "artifacts" / name
    folder.mkdir(parents=True)
    for file in draw.sample(range(_FILES), draw.randint(1, _MOST_FILES)):
        os.link(load.files / str(file), folder / str(file))
    return folder


def _remove(folder: Path) -> None:
    for path in folder.iterdir():
        path.unlink()
    folder.rmdir()


def _count(counter: "Synchronized[int]") -> None:
    with counter.get_lock():
        counter.value += 1


def _count_error(load: Load, error: Exception) -> None:
    _count(load.errors)
    print(f"{type(error).__name__}: {error}", file=sys.stderr)


def _new_version(run_id: str) -> NewVersion:
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
        )
    )


if __name__ == "__main__":
    sys.exit(main())
