import importlib
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pedigree.errors import (
    InvalidArtifactError,
    RefusedError,
    UnsupportedModelError,
    UntrustedModelError,
)
from pedigree.flavors.mlflow import MLflowFlavor
from pedigree.signatures.records import Column, ColumnType, Tensor
from tests.flavors.models import ROWS
from tests.lazy import lazy

mlflow = lazy("mlflow")

# MLflow warns about its own type hints and about differences in the environment.
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
    """Prevent that MLflow sends telemetry or creates a store in the work tree."""
    monkeypatch.setenv("MLFLOW_DISABLE_TELEMETRY", "true")
    monkeypatch.setenv("MLFLOW_TRACKING_URI", (tmp_path / "mlruns").as_uri())


@pytest.fixture(autouse=True)
def _modules_as_before(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Remove modules that a test imported from a model's code."""
    before = set(sys.modules)
    monkeypatch.setattr(sys, "path", list(sys.path))
    yield
    for name in set(sys.modules) - before:
        if name.partition(".")[0].endswith(("_of_it", "_of_one", "_of_two", "_of_three")):
            del sys.modules[name]


@pytest.fixture
def model(tmp_path: Path) -> Path:
    """A model that bundles the module that loads it; the module leaves a canary file."""
    folder = tmp_path / "model"
    (folder / "code").mkdir(parents=True)
    loader = LOADER.format(canary=str(tmp_path / "canary"))
    (folder / "code" / "brought_along.py").write_text(loader)
    (folder / "MLmodel").write_text(
        "flavors:\n  python_function:\n    code: code\n    loader_module: brought_along\n"
    )
    return folder


def test_mlflow_loads_only_with_trust_and_runs_nothing_without_it(
    model: Path, tmp_path: Path
) -> None:
    for trust in ([], ["pickle"]):
        with pytest.raises(UntrustedModelError, match="bundles code and pickles") as refused:
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


FACTOR = """
from {module} import factor


class Multiplied:
    def predict(self, rows):
        return rows["age"].to_numpy() * factor()


def _load_pyfunc(path):
    return Multiplied()
"""
LAZY = """
class Multiplied:
    def predict(self, rows):
        from {module} import factor
        return rows["age"].to_numpy() * factor()


def _load_pyfunc(path):
    return Multiplied()
"""


def multiplying(
    folder: Path, by: int, *, loader: str, text: str = FACTOR, module: str = "factors_of_it"
) -> Path:
    """Return a model whose loader imports a helper from the code in its folder."""
    code = folder / "code"
    (code / Path(*module.split("."))).parent.mkdir(parents=True)
    (code / f"{module.replace('.', '/')}.py").write_text(f"def factor():\n    return {by}\n")
    (code / f"{loader}.py").write_text(text.format(module=module))
    (folder / "MLmodel").write_text(
        f"flavors:\n  python_function:\n    code: code\n    loader_module: {loader}\n"
    )
    return folder


def loaded(folder: Path) -> Any:
    return FLAVOR.load(folder, trust=["mlflow"])


@pytest.mark.parametrize("text", [FACTOR, LAZY], ids=["at once", "when it predicts"])
@pytest.mark.parametrize("module", ["factors_of_it", "package_of_it.factors"])
def test_a_second_model_with_different_code_of_the_same_name_is_refused(
    module: str, text: str, tmp_path: Path
) -> None:
    first = multiplying(tmp_path / "one", 2, loader="loader_of_one", text=text, module=module)
    second = multiplying(tmp_path / "two", 3, loader="loader_of_two", text=text, module=module)
    model = loaded(first)
    with pytest.raises(RefusedError, match=f"the module '{module.partition('.')[0]}'") as no:
        loaded(second)
    assert "separate process" in str(no.value.remedy)
    np.testing.assert_array_equal(model.predict(ROWS), ROWS["age"] * 2)


def test_a_second_model_with_different_names_or_the_same_code_is_loaded(tmp_path: Path) -> None:
    first = multiplying(tmp_path / "one", 2, loader="loader_of_one")
    alike = multiplying(tmp_path / "two", 2, loader="loader_of_two")
    other = multiplying(tmp_path / "three", 3, loader="loader_of_three", module="other_factors")
    copy = shutil.copytree(first, tmp_path / "copy")
    models = {folder: loaded(folder) for folder in (first, alike, other, copy, first)}
    for folder, model in models.items():
        factor = 3 if folder == other else 2
        np.testing.assert_array_equal(model.predict(ROWS), ROWS["age"] * factor)


def test_a_model_whose_files_were_removed_still_conflicts_and_loads_again(
    tmp_path: Path,
) -> None:
    first = multiplying(tmp_path / "one", 2, loader="loader_of_one")
    copy = shutil.copytree(first, tmp_path / "copy")
    loaded(first)
    shutil.rmtree(first)
    np.testing.assert_array_equal(loaded(copy).predict(ROWS), ROWS["age"] * 2)
    with pytest.raises(RefusedError):
        loaded(multiplying(tmp_path / "two", 3, loader="loader_of_two"))


def test_a_module_of_the_process_conflicts_unless_it_is_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    own = tmp_path / "own"
    own.mkdir()
    (own / "factors_of_it.py").write_text("def factor():\n    return 2\n")
    monkeypatch.syspath_prepend(own)
    importlib.import_module("factors_of_it")
    model = loaded(multiplying(tmp_path / "one", 2, loader="loader_of_one"))
    np.testing.assert_array_equal(model.predict(ROWS), ROWS["age"] * 2)
    with pytest.raises(RefusedError, match="'factors_of_it'"):
        loaded(multiplying(tmp_path / "two", 3, loader="loader_of_two"))
    with pytest.raises(RefusedError, match="'json'"):
        loaded(multiplying(tmp_path / "three", 3, loader="loader_of_three", module="json"))
    del sys.modules["factors_of_it"]


def test_a_model_that_mlflow_loaded_directly_counts_too(tmp_path: Path) -> None:
    mlflow.pyfunc.load_model(
        str(multiplying(tmp_path / "one", 2, loader="loader_of_one", text=LAZY))
    )
    with pytest.raises(RefusedError, match="'factors_of_it'"):
        loaded(multiplying(tmp_path / "two", 3, loader="loader_of_two", text=LAZY))


def test_code_that_mlflow_saved_is_checked(tmp_path: Path) -> None:
    source = tmp_path / "source"
    for by in (2, 3):
        shutil.rmtree(source, ignore_errors=True)
        source.mkdir()
        (source / "features_of_it.py").write_text(f"def factor():\n    return {by}\n")
        (source / "loader_of_it.py").write_text(FACTOR.format(module="features_of_it"))
        mlflow.pyfunc.save_model(
            tmp_path / f"by {by}",
            loader_module="loader_of_it",
            code_paths=[str(file) for file in source.iterdir()],
            pip_requirements=[],
        )
    np.testing.assert_array_equal(loaded(tmp_path / "by 2").predict(ROWS), ROWS["age"] * 2)
    with pytest.raises(RefusedError, match="'features_of_it'"):
        loaded(tmp_path / "by 3")


def test_a_folder_that_mlflow_saved_is_copied(model: Path, tmp_path: Path) -> None:
    target = tmp_path / "target"
    target.mkdir()
    FLAVOR.save(model, target)
    assert (target / "code" / "brought_along.py").is_file()


@pytest.mark.parametrize("given", [{}, "absent", Path(__file__).parent])
def test_a_folder_that_mlflow_did_not_save_is_refused(given: object, tmp_path: Path) -> None:
    with pytest.raises(UnsupportedModelError, match="not the path of a folder with an MLmodel"):
        FLAVOR.save(given, tmp_path)
    with pytest.raises(InvalidArtifactError, match="has no MLmodel"):
        FLAVOR.load(tmp_path, trust=["mlflow"])


def test_a_model_that_mlflow_cannot_load_is_refused(tmp_path: Path) -> None:
    (tmp_path / "MLmodel").write_text("flavors: {}\n")
    with pytest.raises(InvalidArtifactError, match="MLflow cannot read MLmodel"):
        FLAVOR.load(tmp_path, trust=["mlflow"])
