"""The commands of operators among a million versions, and verbs on a model of 100,000 versions.

The registry has neither events nor bytes, so the parts of `fsck` that read these are measured in a
registry of 20,000 versions, copies of 500 that verbs made, and extrapolated to a million.
``--data DIR`` sets the folder of the registries, ``--only commands``, ``fsck`` or ``wide`` measures
one part. Each figure is also printed to stderr when it is known.
"""

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from functools import partial
from itertools import count, cycle
from pathlib import Path
from statistics import median

from benchmarks._copies import copy_models
from benchmarks._million import million
from benchmarks._million_rows import name_of
from benchmarks._owner import owner_of
from benchmarks._report import Measured, report
from benchmarks._wide import LARGE_MODEL, SMALL_MODEL, wide
from pedigree import Column, DeclaredMetadata, NewVersion, Registry, Settings, Signature
from pedigree.lifecycle.records import Policy, StageRule
from pedigree.maintenance.fsck import invariants
from pedigree.maintenance.fsck_parts import Part, PartsDone
from pedigree.maintenance.fsck_schedule import Invariant, Schedule
from pedigree.maintenance.gc_planner import make_plan
from pedigree.maintenance.violations import Tally
from pedigree.signatures.records import ColumnType

_MILLION = 1_000_000
_RUNS = 15
_WIDER = 1.3
_FSCK_S = 60.0
# Enough that the least cost of a query does not count; 100 versions a model, as in the million.
_VERSIONS, _OF_ONE_MODEL = 500, 100
_COPIES = 39  # so that there are 20,000 versions with 101,000 events
# What of a check reads events or bytes, which the registry of a million does not have.
_OF_EVENTS = frozenset(
    {
        "feed_contiguous",
        "event_counts_match",
        "leaves_match",
        "models_match_events",
        "events_replay",
        "objects_intact",
    }
)
_STAGES = ("candidate", "staging", "production", "archived")


def main() -> int:
    """Measure and report; return the exit code."""
    words = sys.argv[1:]
    only = words[words.index("--only") + 1] if "--only" in words else ""
    home = million(words)
    figures: list[Measured] = []
    for part, measure in {
        "commands": _commands,
        "fsck": _check,
        "wide": _whatever_the_versions,
    }.items():
        for figure in measure(home) if only in {"", part} else ():
            figures.append(figure)
            print(f"{figure.what}: {figure.value:.4g} {figure.unit}", file=sys.stderr, flush=True)
    return report(figures, words)


def _commands(home: Path) -> Iterator[Measured]:
    with Registry.connect(settings=Settings(home=home)) as registry:
        yield from _verbs(registry)
    yield _stats_process(home)


def _verbs(registry: Registry) -> Iterator[Measured]:
    ids = count(1)

    def models() -> object:
        return registry.models(limit=50, after=name_of(next(ids) * 7))

    yield _at_most("stats, the verb", _median(registry.stats), 500.0)
    yield _at_most("plan of gc with nothing to collect", _median(lambda: _plan(registry)), 2000.0)
    yield _at_most("a page of 50 models", _median(models, runs=60), 15.0)


def _plan(registry: Registry, window: timedelta = timedelta(days=30)) -> int:
    with make_plan(registry.database, window) as plan:
        return sum(1 for _ in plan)


def _stats_process(home: Path) -> Measured:
    environment = {**os.environ, "PEDIGREE_HOME": str(home)}
    command = [sys.executable, "-m", "pedigree", "stats", "--json"]

    def run() -> object:
        return subprocess.run(command, env=environment, capture_output=True, check=True)

    return Measured(
        what="pedigree stats, a process from start to end", value=_median(run, runs=5), unit="ms"
    )


def _check(home: Path) -> Iterator[Measured]:
    """Measure what of a check is in the tables of a million, and the rest in a small registry."""
    with Registry.connect(settings=Settings(home=home)) as registry:
        started = time.perf_counter()
        seconds = _seconds_of(registry, lambda name: name not in _OF_EVENTS)
        here = time.perf_counter() - started
    for name, took in sorted(seconds.items(), key=lambda each: -each[1])[:6]:
        yield Measured(what=f"fsck: {name}, one part after the other", value=took, unit="s")
    yield Measured(
        what="fsck without hashing, what is in these tables, two parts at once",
        value=here,
        unit="s",
        target=_FSCK_S,
        at_least=False,
    )
    with tempfile.TemporaryDirectory(prefix="pedigree-bench-") as folder:
        yield from _extrapolated(Path(folder))


def _seconds_of(registry: Registry, is_chosen: Callable[[str], bool]) -> dict[str, float]:
    """Check the chosen invariants; return how long the parts of each took together."""
    seconds: dict[str, float] = {}
    chosen = [
        _timed(each, seconds)
        for each in invariants(registry.database, registry.store, hashes=False)
        if is_chosen(each.name)
    ]
    Schedule(chosen, lambda _: True, lambda *_: None).run()
    return seconds


def _timed(invariant: Invariant, seconds: dict[str, float]) -> Invariant:
    seconds[invariant.name] = 0.0

    def timed(part: Part, report: PartsDone) -> Tally:
        started = time.perf_counter()
        tally = part(report)
        seconds[invariant.name] += time.perf_counter() - started
        return tally

    parts = [partial(timed, part) for part in invariant.parts]
    finish = invariant.finish and partial(timed, invariant.finish)
    return replace(invariant, parts=parts, finish=finish)


def _extrapolated(folder: Path) -> Iterator[Measured]:
    """Measure what reads events and objects; events grow by copies, objects by verbs."""
    with Registry.connect(settings=Settings(home=folder / "home")) as registry:
        _register(registry, folder)
        objects = _seconds_of(registry, lambda name: name == "objects_intact")
        registry.events()  # which gives each its place in the feed
        copy_models(owner_of(registry), _COPIES)
        rest = _seconds_of(registry, lambda name: name in _OF_EVENTS - objects.keys())
    seconds = {
        **{name: took * _MILLION / _VERSIONS for name, took in objects.items()},
        **{name: took * _MILLION / _VERSIONS / (_COPIES + 1) for name, took in rest.items()},
    }
    for name, took in sorted(seconds.items(), key=lambda each: -each[1]):
        yield Measured(
            what=f"fsck: {name} of a million, extrapolated, one part after the other",
            value=took,
            unit="s",
        )


def _register(registry: Registry, folder: Path) -> None:
    column = Column(name="age", type=ColumnType.DOUBLE)
    signature = Signature(inputs=(column,), outputs=(column,))
    for number in range(_VERSIONS):
        file = folder / "model.bin"
        file.write_text(str(number))
        metadata = DeclaredMetadata(
            flavor="generic",
            signature=signature,
            run_id=f"run-{number}",
            git_commit="0" * 40,
            git_dirty=False,
            metrics={"auc": number / _VERSIONS},
        )
        name = f"churn{number // _OF_ONE_MODEL}"
        registry.register(name, file, NewVersion(metadata=metadata), judge=True)


def _whatever_the_versions(home: Path) -> Iterator[Measured]:
    with wide(home) as registry:
        yield from _wide_verbs(registry)


def _wide_verbs(registry: Registry) -> Iterator[Measured]:
    policy = Policy(
        stages=tuple(
            StageRule(
                name=name,
                after=("none", *(other for other in _STAGES if other != name)),
                exclusive=name == "production",
            )
            for name in _STAGES
        )
    )
    for name in (SMALL_MODEL, LARGE_MODEL):
        registry.set_policy(name, policy)
    turns = {name: cycle((41, 42)) for name in (SMALL_MODEL, LARGE_MODEL)}
    verbs: dict[str, Callable[[str], object]] = {
        "the newest 20 versions": lambda name: registry.versions(name, limit=20, newest_first=True),
        "a page of 50 versions": lambda name: registry.versions(name, limit=50, after=40),
        "search by name": lambda name: registry.search(f"name = '{name}'", limit=50),
        "search by name and stage": lambda name: registry.search(
            f"name = '{name}' AND stage = 'production'", limit=50
        ),
        "compare": lambda name: registry.compare(f"{name}/41", f"{name}/42"),
        "promote": lambda name: registry.promote(f"{name}/{next(turns[name])}", "production"),
    }
    for what, verb in verbs.items():
        yield _wider(what, verb)


def _wider(what: str, verb: Callable[[str], object]) -> Measured:
    """Compare both models by turns, so that other work on the machine slows both."""
    times: dict[str, list[float]] = {SMALL_MODEL: [], LARGE_MODEL: []}
    for run in range(3 * _RUNS):
        for name, taken in times.items():
            milliseconds = _milliseconds(partial(verb, name))
            if run >= _RUNS // 3:  # the first runs warm up
                taken.append(milliseconds)
    ratio = median(times[LARGE_MODEL]) / median(times[SMALL_MODEL])
    return Measured(
        what=f"{what}: 100,000 versions against 100",
        value=ratio,
        unit="times",
        target=_WIDER,
        at_least=False,
    )


def _median(work: Callable[[], object], *, runs: int = _RUNS) -> float:
    """Return the median in milliseconds, after a first run that warms up."""
    work()
    return median(_milliseconds(work) for _ in range(runs))


def _milliseconds(work: Callable[[], object]) -> float:
    started = time.perf_counter()
    work()
    return (time.perf_counter() - started) * 1000


def _at_most(what: str, value: float, target: float) -> Measured:
    return Measured(what=what, value=value, unit="ms", target=target, at_least=False)


if __name__ == "__main__":
    sys.exit(main())
