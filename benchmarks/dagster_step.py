"""What registering a model costs inside a step of Dagster, in processor time.

Each round materializes three assets in turn, in this process: a bare asset that trains, a model
asset that does the same and registers without the load-and-predict check, and one with it. Saving
is measured alone. So the overhead of registering (capture, save, register) is the second without
the first; the check, which runs in a process of its own, is the third without the second.
``PEDIGREE_*`` variables of the shell are unset. The registry is embedded.
"""

import os
import resource
import statistics
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import dagster as dg
import pandas as pd
from sklearn.linear_model import LogisticRegression

from benchmarks._report import Measured, report
from pedigree import Registry, Settings
from pedigree.dagster import ModelIOManager, RegistryResource, TrainedModel, model_asset
from pedigree.flavors.plugins import save_model

_ROUNDS = 5
_ROWS = 2000
_TARGET_MS = 150.0


def main() -> int:
    """Measure and report; return the exit code."""
    for name in [name for name in os.environ if name.startswith("PEDIGREE_")]:
        del os.environ[name]
    with tempfile.TemporaryDirectory(prefix="pedigree-bench-") as folder:
        return report(_measure(Path(folder)), sys.argv[1:])


def _measure(folder: Path) -> list[Measured]:
    home = folder / "home"
    os.environ["PEDIGREE_HOME"] = str(home)
    with (
        Registry.connect(settings=Settings(home=home, actor="bench")),
        dg.DagsterInstance.local_temp(
            str(folder), overrides={"telemetry": {"enabled": False}}
        ) as instance,
    ):
        plain, unchecked, checked = _bare(), _model("unchecked", False), _model("checked", True)
        kinds: dict[str, Callable[[], object]] = {
            "bare": lambda: _materialize(plain, instance),
            "unchecked": lambda: _materialize(unchecked, instance),
            "checked": lambda: _materialize(checked, instance),
            "saved": lambda: _save(folder),
        }
        taken: dict[str, list[float]] = {name: [] for name in kinds}
        for each in (*kinds.values(), *kinds.values()):  # imports, and the first uses of all
            each()
        for _ in range(_ROUNDS):
            for name, work in kinds.items():
                before = _processor_ms()
                work()
                taken[name].append(_processor_ms() - before)
    return _figures(taken)


def _figures(taken: dict[str, list[float]]) -> list[Measured]:
    def median(of: str, without: str | None = None) -> float:
        less = taken[without] if without else [0.0] * _ROUNDS
        return statistics.median(a - b for a, b in zip(taken[of], less, strict=True))

    return [
        Measured(what="the bare step", value=median("bare"), unit="ms"),
        Measured(
            what="registering in the step: capture, save, register",
            value=median("unchecked", "bare"),
            unit="ms",
            target=_TARGET_MS,
            at_least=False,
        ),
        Measured(what="of it: saving the model", value=median("saved"), unit="ms"),
        Measured(
            what="the load-and-predict check", value=median("checked", "unchecked"), unit="ms"
        ),
    ]


def _processor_ms() -> float:
    """Return the processor time of this process and of its children that have ended."""
    of_all = (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
    used = [resource.getrusage(each) for each in of_all]
    return 1000 * sum(each.ru_utime + each.ru_stime for each in used)


def _materialize(asset: dg.AssetsDefinition, instance: dg.DagsterInstance) -> None:
    registry = RegistryResource()
    resources = {"registry": registry, "model_io_manager": ModelIOManager(registry=registry)}
    done = dg.materialize([asset], instance=instance, resources=resources)
    assert done.success


def _save(folder: Path) -> None:
    with tempfile.TemporaryDirectory(dir=folder) as place:
        save_model(_trained()[0], "sklearn", Path(place) / "model")


def _trained() -> tuple[LogisticRegression, pd.DataFrame]:
    rows = pd.DataFrame({"age": range(_ROWS), "visits": [each % 7 for each in range(_ROWS)]})
    model = LogisticRegression().fit(rows.astype(float), [each % 2 for each in range(_ROWS)])
    return model, rows.astype(float)


def _bare() -> dg.AssetsDefinition:
    @dg.asset(name="bare")
    def bare() -> dg.MaterializeResult[Any]:
        _trained()
        return dg.MaterializeResult()

    return bare


def _model(name: str, verify: bool) -> dg.AssetsDefinition:
    def train() -> TrainedModel:
        model, rows = _trained()
        return TrainedModel(model=model, sample=rows.head(5), metrics={"auc": 0.5}, verify=verify)

    made: dg.AssetsDefinition = model_asset(name=name, flavor="sklearn")(train)
    return made


if __name__ == "__main__":
    sys.exit(main())
