"""What registering a model costs inside a step of Dagster, in processor time.

Assets are materialized alternately, each by a job of one step: a bare asset that reads a table and
returns, and a model asset that reads it too and registers a model; a third one also loads the saved
model and compares its predictions, in a process of its own. The model is trained once, before,
because the time of a training varies by more than what is measured here. So the overhead of
registering is the second without the first and without saving the model, which is measured alone;
the check is the third without the second.

Processor time is that of this process, of its ended children and of Postgres. It is measured in a
process after the first uses ("warm"), and in new processes, as Dagster runs each step: there, what
the first registration imports, connects and compiles counts. Saving imports the flavor's library,
which counts as saving.

Dagster's instance is in Pedigree's Postgres, as ``pedigree up`` has it. With ``--sqlite`` it is
Dagster's default, which opens a database file for each statement. The registry is embedded, the
store is the local folder. ``PEDIGREE_*`` variables of the shell are unset.
"""

import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import dagster as dg
import pandas as pd
from sklearn.linear_model import LogisticRegression

from benchmarks._costs import processor_s
from benchmarks._report import Measured, report
from pedigree import Registry, Settings
from pedigree.dagster import TrainedModel, model_asset, registry_definitions, with_lineage
from pedigree.flavors.plugins import save_model
from pedigree.postgres import EmbeddedPostgres

_ROUNDS = 3
_NEW_PROCESSES = 2
_ROWS = 2000
_TARGET_MS = 150.0
_STORAGE = "storage: {custom: {module: pedigree.dagster.instance, class: PedigreeStorage}}\n"
_ONE_THREAD = {f"{library}_NUM_THREADS": "1" for library in ("OMP", "OPENBLAS", "MKL")}
"""Threads of numerical libraries spin while they wait, which is processor time, too."""


def main() -> int:
    """Measure and report; return the exit code."""
    words = sys.argv[1:]
    if words[:1] == ["--measure"]:
        steps = Steps(Path(words[1]))
        print(json.dumps(steps.warm() if words[2] == "warm" else steps.new()))
        return 0
    with tempfile.TemporaryDirectory(prefix="pedigree-bench-") as folder:
        place = Path(folder)
        _set_up_dagster(place / "dagster", sqlite="--sqlite" in words)
        with Registry.connect(settings=Settings(home=place / "home", actor="bench")):
            warm = _in_process(place, "warm")
            new = [_in_process(place, "new") for _ in range(_NEW_PROCESSES)]
    joined = {kind: [each[kind][0] for each in new] for kind in new[0]}
    return report([*_figures("warm", warm), *_figures("new process", joined)], words)


def _set_up_dagster(home: Path, *, sqlite: bool) -> None:
    home.mkdir()
    quiet = "telemetry: {enabled: false}\npython_logs: {python_log_level: WARNING}\n"
    (home / "dagster.yaml").write_text(quiet + ("" if sqlite else _STORAGE), encoding="utf-8")


def _in_process(folder: Path, how: str) -> dict[str, list[float]]:
    """Return the milliseconds of each kind, measured in a process of its own."""
    environment = {name: value for name, value in os.environ.items() if "PEDIGREE_" not in name}
    environment |= {
        **_ONE_THREAD,
        "PEDIGREE_HOME": str(folder / "home"),
        "DAGSTER_HOME": str(folder / "dagster"),
    }
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.dagster_step", "--measure", str(folder), how],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise SystemExit(f"a step failed: {done.stderr[-2000:]}")
    found: dict[str, list[float]] = json.loads(done.stdout.splitlines()[-1])
    return found


def _figures(where: str, taken: Mapping[str, Sequence[float]]) -> list[Measured]:
    def of(name: str, *without: str) -> list[float]:
        """Return one figure for each round: one kind without others."""
        less = [taken[each] for each in without]
        return [value - sum(others) for value, *others in zip(taken[name], *less, strict=True)]

    def shown(what: str, values: Sequence[float], target: float | None = None) -> Measured:
        span = f"{min(values):.0f} to {max(values):.0f}"
        return Measured(
            what=f"{where}: {what} ({len(values)} rounds: {span})",
            value=statistics.median(values),
            unit="ms",
            target=target,
            at_least=False,
        )

    found = [
        shown("the bare step", of("bare")),
        shown(
            "registering, without saving and check",
            of("unchecked", "bare", "resaved"),
            _TARGET_MS,
        ),
        shown("saving the model", of("saved")),
    ]
    if "checked" in taken:
        found.append(shown("the load-and-predict check", of("checked", "unchecked")))
    return found


@dataclass
class Steps:
    """The kinds of work in one process.

    Args:
        folder: Where the registry and Dagster's instance are.
    """

    folder: Path
    _instance: dg.DagsterInstance = field(default_factory=dg.DagsterInstance.get)

    def warm(self) -> dict[str, list[float]]:
        """Return the milliseconds of each kind, alternately, after some that are not measured."""
        self._prepare()
        works = {kind: self._step(kind) for kind in ("bare", "unchecked", "checked")}
        works["saved"] = self._save
        for work in (*works.values(), works["bare"], works["unchecked"]):
            work()
        taken: dict[str, list[float]] = {kind: [] for kind in works}
        for _ in range(_ROUNDS):
            for kind, work in works.items():
                taken[kind].append(self._used_by(work))
        return {**taken, "resaved": taken["saved"]}

    def new(self) -> dict[str, list[float]]:
        """Return the milliseconds of each kind, of which only the bare step was used before."""
        self._prepare()
        bare, registering = self._step("bare"), self._step("unchecked")
        bare()
        kinds = {"saved": self._save, "resaved": self._save, "bare": bare, "unchecked": registering}
        return {kind: [self._used_by(work)] for kind, work in kinds.items()}

    def _prepare(self) -> None:
        """Train, and make the table if no process has made it."""
        assert self._trained
        if not self._instance.get_latest_materialization_event(dg.AssetKey("people")):
            self._step("people")()

    def _used_by(self, work: Callable[[], None]) -> float:
        before = self._used_ms()
        work()
        return self._used_ms() - before

    def _step(self, kind: str) -> Callable[[], None]:
        definitions = self._plain if kind in {"people", "bare"} else self._with_models
        job = definitions.resolve_job_def(kind)

        def materialize() -> None:
            assert job.execute_in_process(instance=self._instance).success

        return materialize

    @cached_property
    def _plain(self) -> dg.Definitions:
        """Definitions without any of ours, and so without what records a step's reads."""
        return dg.Definitions(assets=[_people(), _bare()], jobs=[_job("people"), _job("bare")])

    @cached_property
    def _with_models(self) -> dg.Definitions:
        models = [self._model("unchecked", verify=False), self._model("checked", verify=True)]
        jobs = [_job("unchecked", "models"), _job("checked", "models")]
        own = dg.Definitions(assets=[_people(), *models], jobs=jobs)
        return with_lineage(dg.Definitions.merge(own, registry_definitions(*models)))

    def _model(self, name: str, *, verify: bool) -> dg.AssetsDefinition:
        model = self._trained

        def train(people: pd.DataFrame) -> TrainedModel:
            sample = people.head(5)
            return TrainedModel(model=model, sample=sample, metrics={"auc": 0.5}, verify=verify)

        made: dg.AssetsDefinition = model_asset(name=name, flavor="sklearn")(train)
        return made

    @cached_property
    def _trained(self) -> LogisticRegression:
        rows = _table()
        return LogisticRegression().fit(rows, [each % 2 for each in range(_ROWS)])

    def _save(self) -> None:
        with tempfile.TemporaryDirectory(dir=self.folder) as place:
            save_model(self._trained, "sklearn", Path(place) / "model")

    def _used_ms(self) -> float:
        """Return the processor time of this process, its ended children and Postgres."""
        of_all = (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
        own = [resource.getrusage(each) for each in of_all]
        return 1000 * (sum(each.ru_utime + each.ru_stime for each in own) + self._postgres_s())

    def _postgres_s(self) -> float:
        pid = self._server.status().pid
        assert pid is not None
        return processor_s(pid)

    @cached_property
    def _server(self) -> EmbeddedPostgres:
        return EmbeddedPostgres(self.folder / "home")


def _people() -> dg.AssetsDefinition:
    @dg.asset(name="people")
    def people() -> pd.DataFrame:
        return _table()

    return people


def _bare() -> dg.AssetsDefinition:
    @dg.asset(name="bare")
    def bare(people: pd.DataFrame) -> dg.MaterializeResult[Any]:
        return dg.MaterializeResult(metadata={"rows": len(people)})

    return bare


def _job(name: str, *prefix: str) -> Any:
    """Return a job of one asset, without the checks of its versions, which are other steps."""
    asset = dg.AssetSelection.assets([*prefix, name])
    return dg.define_asset_job(name, selection=asset.without_checks())


def _table() -> pd.DataFrame:
    rows = pd.DataFrame({"age": range(_ROWS), "visits": [each % 7 for each in range(_ROWS)]})
    return rows.astype(float)


if __name__ == "__main__":
    sys.exit(main())
