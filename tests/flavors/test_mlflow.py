from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pedigree.errors import InvalidArtifactError, UnsupportedModelError, UntrustedModelError
from pedigree.flavors.mlflow import MLflowFlavor
from pedigree.signatures.records import Column, ColumnType, Tensor
from tests.flavors.models import ROWS

# MLflow warns of its own type hints and of what differs in the environment.
pytestmark = pytest.mark.filterwarnings("ignore")

FLAVOR = MLflowFlavor()

LOADER = """
from pathlib import Path

Path({canary!r}).touch()


class Doubled:
    def predict(self, rows):
        return rows["age"].to_numpy() * 2


def _load_pyfunc(path):
    return Doubled()
"""


@pytest.fixture(autouse=True)
def _at_home(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """MLflow shall neither report its use nor keep a store in the work tree."""
    monkeypatch.setenv("MLFLOW_DISABLE_TELEMETRY", "true")
    monkeypatch.setenv("MLFLOW_TRACKING_URI", (tmp_path / "mlruns").as_uri())


@pytest.fixture
def model(tmp_path: Path) -> Path:
    """A model that brings the module along that loads it; the module leaves a canary behind."""
    folder = tmp_path / "model"
    (folder / "code").mkdir(parents=True)
    loader = LOADER.format(canary=str(tmp_path / "canary"))
    (folder / "code" / "brought_along.py").write_text(loader)
    (folder / "MLmodel").write_text(
        "flavors:\n  python_function:\n    code: code\n    loader_module: brought_along\n"
    )
    return folder


def test_nothing_runs_without_trust_and_mlflow_loads_with_it(model: Path, tmp_path: Path) -> None:
    for trust in ([], ["pickle"]):
        with pytest.raises(UntrustedModelError, match="brings code and pickles along") as refused:
            FLAVOR.load(model, trust=trust)
        assert "trust=['mlflow']" in str(refused.value.remedy)
        assert not (tmp_path / "canary").exists()
    loaded: Any = FLAVOR.load(model, trust=["mlflow"])
    assert (tmp_path / "canary").exists()
    assert type(loaded).__name__ == "PyFuncModel"
    np.testing.assert_array_equal(loaded.predict(ROWS), ROWS["age"] * 2)
    signature = FLAVOR.infer_signature(loaded, ROWS)
    assert signature.inputs[0] == Column(name="age", type=ColumnType.DOUBLE)
    assert signature.outputs == (Tensor(dtype="float64", shape=(-1,)),)


def test_what_mlflow_saved_is_copied(model: Path, tmp_path: Path) -> None:
    target = tmp_path / "target"
    target.mkdir()
    FLAVOR.save(model, target)
    assert (target / "code" / "brought_along.py").is_file()


@pytest.mark.parametrize("given", [{}, "absent", Path(__file__).parent])
def test_what_mlflow_did_not_save_is_refused(given: object, tmp_path: Path) -> None:
    with pytest.raises(UnsupportedModelError, match="not the path of a folder with an MLmodel"):
        FLAVOR.save(given, tmp_path)
    with pytest.raises(InvalidArtifactError, match="holds no MLmodel"):
        FLAVOR.load(tmp_path, trust=["mlflow"])


def test_what_mlflow_cannot_load_is_refused(tmp_path: Path) -> None:
    (tmp_path / "MLmodel").write_text("flavors: {}\n")
    with pytest.raises(InvalidArtifactError, match="MLflow cannot read MLmodel"):
        FLAVOR.load(tmp_path, trust=["mlflow"])
