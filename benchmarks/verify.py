"""The cost of verifying a model before its registration, against the minimum.

The minimum is a new Python process that reads the same file with only its library and predicts the
same sample. A registration without verification, a verified one and such a process run in turn.
"""

import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from benchmarks._report import Measured, report
from pedigree import Registry, Settings
from pedigree.flavors.plugins import save_model

_ROUNDS = 7
_TARGET = 1.5
_ROWS = 1000
_COMMIT = "0123456789abcdef0123456789abcdef01234567"
_READ_SKLEARN = """
import sys, pandas, skops.io
from sklearn.ensemble import RandomForestClassifier
model = skops.io.load(sys.argv[1] + "/model.skops", trusted=["sklearn.tree._tree.Tree"])
model.predict(pandas.read_pickle(sys.argv[2])), model.predict_proba(pandas.read_pickle(sys.argv[2]))
"""
_READ_XGBOOST = """
import sys, pandas, xgboost, sklearn
model = xgboost.XGBClassifier()
model.load_model(sys.argv[1] + "/model.ubj")
model.predict(pandas.read_pickle(sys.argv[2])), model.predict_proba(pandas.read_pickle(sys.argv[2]))
"""


def main() -> int:
    """Measure and report; return the exit code."""
    for name in [name for name in os.environ if name.startswith("PEDIGREE_")]:
        del os.environ[name]
    figures: list[Measured] = []
    with (
        tempfile.TemporaryDirectory(prefix="pedigree-bench-") as folder,
        Registry.connect(settings=Settings(home=Path(folder) / "home")) as registry,
    ):
        for flavor, (make, program) in _MODELS.items():
            place = Path(folder) / flavor
            place.mkdir()
            figures += _measure(registry, flavor, make(), program, place)
    return report(figures, sys.argv[1:])


def _measure(
    registry: Registry, flavor: str, model: object, program: str, folder: Path
) -> list[Measured]:
    sample, _ = _data()
    files, rows = save_model(model, flavor, folder / "model"), folder / "sample.pickle"
    sample.head(20).to_pickle(rows)
    command = [sys.executable, "-c", program, str(files), str(rows)]
    times: dict[str, list[float]] = {"skipped": [], "verified": [], "bare": []}

    def register(index: int, verify: bool) -> None:
        registry.register_model(
            flavor,
            model,
            flavor=flavor,
            sample=sample.head(20),
            verify=verify,
            run_id=f"run-{index}-{verify}",
            git_commit=_COMMIT,
        )

    for index in range(_ROUNDS + 1):  # the first warms up
        found = (
            _seconds(lambda index=index: register(index, False)),  # type: ignore[misc]  # bound now
            _seconds(lambda index=index: register(index, True)),  # type: ignore[misc]  # the same
            _seconds(lambda: subprocess.run(command, check=True)),
        )
        if index:
            for name, seconds in zip(times, found, strict=True):
                times[name].append(seconds)
    skipped, verified, bare = (statistics.median(values) for values in times.values())
    what = f"{flavor}: a registration"
    return [
        Measured(what=f"{what} that skips verifying", value=skipped, unit="s"),
        Measured(what=f"{what} that is verified", value=verified, unit="s"),
        Measured(what=f"{flavor}: a bare process that loads it and predicts", value=bare, unit="s"),
        Measured(
            what=f"{flavor}: verifying, against the bare process",
            value=(verified - skipped) / bare,
            unit="x",
            target=_TARGET,
            at_least=False,
        ),
    ]


def _seconds(work: Callable[[], object]) -> float:
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def _data() -> tuple[pd.DataFrame, "pd.Series[int]"]:
    chance = np.random.default_rng(7)
    columns = [f"column_{index}" for index in range(10)]
    frame = pd.DataFrame(chance.normal(size=(_ROWS, len(columns))), columns=columns)
    return frame, (frame["column_0"] > frame["column_1"]).astype("int64")


def _forest() -> Any:
    from sklearn.ensemble import RandomForestClassifier  # noqa: PLC0415 - only one library is needed per flavor

    return RandomForestClassifier(n_estimators=50, random_state=7).fit(*_data())


def _booster() -> Any:
    import xgboost  # noqa: PLC0415 - the same

    return xgboost.XGBClassifier(n_estimators=100, n_jobs=1).fit(*_data())


_MODELS: dict[str, tuple[Callable[[], Any], str]] = {
    "sklearn": (_forest, _READ_SKLEARN),
    "xgboost": (_booster, _READ_XGBOOST),
}


if __name__ == "__main__":
    sys.exit(main())
