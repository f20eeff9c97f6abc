"""The structure of the code: its size, and the path of a verb from the call to the database.

Each verb runs twice on a real registry with the embedded Postgres; the second call is traced::

    python -m benchmarks.structure --json > before.json
    python -m benchmarks.structure --compare before.json
    python -m benchmarks.structure --statements promote
    python -m benchmarks.structure --junit tests.xml     # of pytest --junit-xml=tests.xml

`PEDIGREE_*` variables of the shell are unset. The script uses only public names, so that it
also runs on an older commit.
"""

import argparse
import inspect
import json
import os
import statistics
import sys
import tempfile
import xml.etree.ElementTree as ET
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import yaml

from benchmarks import _source
from benchmarks._trace import FOLDER, Trace, traced
from pedigree import Column, DeclaredMetadata, NewVersion, Registry, Settings, Signature

_ROOT = FOLDER.parent
_COMMIT = "0123456789abcdef0123456789abcdef01234567"
_SIGNATURE = Signature(
    inputs=(Column.model_validate({"name": "age", "type": "double"}),),
    outputs=(Column.model_validate({"name": "score", "type": "double"}),),
)
# The verbs whose signatures are counted: of every kind, and the same before and after a change.
_VERBS = (
    *("approve", "get", "hold", "promote", "quarantine", "register", "rollback", "search"),
    *("set_alias", "update"),
)
_TRACED = ("register", "get", "search", "promote", "promote over a holder", "materialization")
_GOALS = {
    "classes in the registry's resolution order": 8,
    "promote: moves": 60,
    "promote: statements": 14,
    "promote: transactions": 1,
}
# Required decrease against the earlier run.
_FEWER = {"pedigree: lines": 900}


@dataclass(frozen=True)
class Figure:
    """One figure; a smaller one is better."""

    name: str
    value: float
    goal: float | None = None


def main() -> int:
    """Measure and report; return 1 if a goal is not met."""
    given = _arguments()
    traces = dict(_traces())
    if given.statements:
        _print_statements(traces[given.statements])
        return 0
    before = json.loads(given.compare.read_text()) if given.compare else {}
    earlier = {figure["name"]: figure["value"] for figure in before.get("figures", ())}
    figures = [_compared(figure, earlier) for figure in _figures(traces, given.junit)]
    if given.json:
        statements = {verb: trace.executed for verb, trace in traces.items()}
        document = {"figures": [asdict(figure) for figure in figures], "statements": statements}
        print(json.dumps(document, indent=1))
    else:
        _print_table(figures, earlier)
    return int(any(figure.goal is not None and figure.value > figure.goal for figure in figures))


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.add_argument("--compare", type=Path, help="JSON of an earlier run, for a second column")
    parser.add_argument("--junit", type=Path, help="pytest's JUnit file: times of the tests")
    parser.add_argument("--statements", choices=_TRACED, help="print only what a verb executes")
    return parser.parse_known_args()[0]  # `make bench` passes the arguments of all benchmarks


# --- counts


def _figures(traces: dict[str, Trace], junit: Path | None) -> Iterator[Figure]:
    yield from _sizes("pedigree", FOLDER)
    yield from _sizes("tests", _ROOT / "tests")
    yield _figure("classes in the registry's resolution order", len(Registry.__mro__))
    for verb, trace in traces.items():
        yield _figure(f"{verb}: functions", len(trace.functions))
        yield _figure(f"{verb}: modules", len(trace.modules))
        yield _figure(f"{verb}: moves", trace.moves)
        yield _figure(f"{verb}: statements", len(trace.statements))
        yield _figure(f"{verb}: transactions", trace.transactions)
    yield from _signatures()
    yield from _places()
    if junit:
        yield from _tests(junit)


def _figure(name: str, value: float) -> Figure:
    return Figure(name, value, _GOALS.get(name))


def _compared(figure: Figure, before: dict[str, float]) -> Figure:
    """Return a figure with a goal relative to an earlier run."""
    if figure.name not in _FEWER or figure.name not in before:
        return figure
    return replace(figure, goal=before[figure.name] - _FEWER[figure.name])


def _sizes(name: str, folder: Path) -> Iterator[Figure]:
    texts = [path.read_text(encoding="utf-8") for path in _source.modules(folder)]
    yield _figure(f"{name}: Python files", len(texts))
    yield _figure(f"{name}: lines", sum(map(_source.lines_of, texts)))
    yield _figure(f"{name}: lines of code", sum(map(_source.code_lines_of, texts)))


def _signatures() -> Iterator[Figure]:
    verbs = {verb: list(inspect.signature(getattr(Registry, verb)).parameters) for verb in _VERBS}
    written = _source.signatures_of(verbs, FOLDER)
    for verb in ("get", "register", "promote"):
        yield _figure(f"{verb}: signatures", written[verb])
    yield _figure(f"signatures of {len(verbs)} verbs", sum(written.values()))


def _places() -> Iterator[Figure]:
    fields = set(DeclaredMetadata.model_fields)
    lists = _source.lists_of(fields, FOLDER)
    yield _figure("lists of metadata fields", len(lists))
    yield _figure(
        "lists in which a metadata field stands, median", _source.places_of(lists, fields)
    )


def _tests(junit: Path) -> Iterator[Figure]:
    cases = ET.parse(junit).getroot().iter("testcase")
    seconds = [float(case.get("time", 0)) for case in cases]
    yield _figure("test cases", len(seconds))
    yield _figure("test case: median, s", round(statistics.median(seconds), 4))
    yield _figure("test cases: total, s", round(sum(seconds), 1))


# --- traces


def _traces() -> Iterator[tuple[str, Trace]]:
    for name in [name for name in os.environ if name.startswith("PEDIGREE_")]:
        del os.environ[name]
    with tempfile.TemporaryDirectory(prefix="pedigree-bench-") as folder:
        home = Path(folder) / "home"
        with Registry.connect(settings=Settings(home=home, actor="bench")) as registry:
            yield from _verbs(registry, Path(folder))
            yield "materialization", _materialization(home, Path(folder))


def _verbs(registry: Registry, folder: Path) -> Iterator[tuple[str, Trace]]:
    for number in (1, 2, 3):
        (folder / str(number)).write_text(f"weights {number}")

    def register(number: int) -> object:
        return registry.register("churn", folder / str(number), _new_version(f"run-{number}"))

    register(1)
    yield "register", _second(lambda: register(2), lambda: register(3))
    yield "get", _second(*[lambda: registry.get("churn@latest")] * 2)
    yield "search", _second(*[lambda: registry.search("flavor = 'generic'")] * 2)
    for number in (1, 2):
        registry.judge(f"churn/{number}")
    yield (
        "promote",
        _second(
            lambda: registry.promote("churn/1", "staging"),
            lambda: registry.promote("churn/1", "production"),
        ),
    )
    registry.judge("churn/2")  # its checks compare it with the new holder
    yield (
        "promote over a holder",
        _second(
            lambda: registry.promote("churn/2", "staging"),
            lambda: registry.promote("churn/2", "production"),
        ),
    )


def _second(first: Callable[[], object], second: Callable[[], object]) -> Trace:
    """Trace the second of two calls: the first one loads modules and opens connections."""
    first()
    with traced() as trace:
        second()
    return trace


def _new_version(run_id: str) -> NewVersion:
    return NewVersion(
        metadata=DeclaredMetadata(
            flavor="generic",
            signature=_SIGNATURE,
            run_id=run_id,
            git_commit=_COMMIT,
            git_dirty=False,
            metrics={"auc": 0.9},
        )
    )


def _materialization(home: Path, folder: Path) -> Trace:
    """Trace the materialization of a model asset that reads one other asset."""
    with _environment(PEDIGREE_HOME=str(home), PEDIGREE_GIT_COMMIT=_COMMIT, PEDIGREE_ACTOR="bench"):
        import dagster as dg  # noqa: PLC0415 -- the verbs before are traced without it

        from pedigree.dagster import TrainedModel, model_asset, registry_resources  # noqa: PLC0415

        @dg.asset
        def rows() -> int:
            return 1

        @model_asset(name="traced", flavor="generic")
        def model(rows: int) -> TrainedModel:
            path = folder / "model.bin"
            path.write_bytes(os.urandom(rows))
            return TrainedModel(path=path, signature=_SIGNATURE, metrics={"auc": 0.9})

        def materialize(*selected: Any) -> object:
            return dg.materialize(
                [rows, model],
                selection=selected,
                instance=instance,
                resources=registry_resources(),
                run_config={"loggers": {"console": {"config": {"log_level": "ERROR"}}}},
            )

        storage = yaml.safe_load((_ROOT / "dagster.yaml").read_text())["storage"]
        overrides = {"storage": storage, "telemetry": {"enabled": False}}
        dagster_folder = folder / "dagster"
        dagster_folder.mkdir()
        with dg.DagsterInstance.local_temp(str(dagster_folder), overrides=overrides) as instance:
            materialize(rows)
            return _second(lambda: materialize(model), lambda: materialize(model))


@contextmanager
def _environment(**variables: str) -> Iterator[None]:
    os.environ.update(variables)
    try:
        yield
    finally:
        for name in variables:
            del os.environ[name]


# --- output


def _print_table(figures: list[Figure], before: dict[str, float]) -> None:
    heads = ["figure", *(["before"] if before else []), "measured", "goal"]
    print(f"| {' | '.join(heads)} |")
    print("|---" * len(heads) + "|")
    for figure in figures:
        old = [f"{before[figure.name]:,}" if figure.name in before else ""] if before else []
        goal = "" if figure.goal is None else f"≤ {figure.goal:,}"
        print(f"| {' | '.join([figure.name, *old, f'{figure.value:,}', goal])} |")


def _print_statements(trace: Trace) -> None:
    for number, (transaction, name) in enumerate(trace.executed, start=1):
        print(f"{number:3}  {'-' if transaction is None else transaction}  {name}")


if __name__ == "__main__":
    sys.exit(main())
