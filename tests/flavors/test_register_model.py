"""Registration of a model and a sample in one call, as from a notebook."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

from pedigree.catalog.declared_metadata import DeclaredFields
from pedigree.catalog.records import DeclaredMetadata
from pedigree.errors import (
    InvalidArtifactError,
    InvalidMetadataError,
    InvalidSignatureError,
    UnknownFlavorError,
    UnsupportedModelError,
    UntrustedModelError,
)
from pedigree.flavors.plugins import get_flavor
from pedigree.lineage.environment import environment_hash, installed_packages
from pedigree.lineage.run import _CI_RUNS
from pedigree.registry import Registry
from pedigree.signatures.records import Column, ColumnType, Tensor
from tests.factories import COMMIT, SIGNATURE, artifact, new_version
from tests.flavors.models import CHURNED, MODELS, ROWS, arrays, onnx_model
from tests.flavors.test_all import needs

AGE = Column(name="age", type=ColumnType.DOUBLE)
CALLS = Column(name="calls", type=ColumnType.LONG)
X = Tensor(name="x", dtype="float32", shape=(-1, 2))
MLMODEL = (
    "signature:\n"
    """  inputs: '[{"type": "double", "name": "age", "required": true}]'\n"""
    """  outputs: '[{"type": "tensor", "tensor-spec": {"dtype": "int64", "shape": [-1]}}]'\n"""
)


@pytest.fixture(autouse=True)
def _a_known_commit_and_no_ci(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GITHUB_SHA", COMMIT)
    for run, page in _CI_RUNS.values():
        monkeypatch.delenv(run, raising=False)
        if page:
            monkeypatch.delenv(page, raising=False)


def linear_model() -> Any:
    from sklearn.linear_model import LinearRegression

    return LinearRegression().fit(ROWS, CHURNED)


PREDICTING: dict[str, tuple[Callable[[], Any], Any, tuple[object, ...], str]] = {
    "sklearn": (linear_model, ROWS, (AGE, CALLS), "float64"),
    "joblib": (linear_model, ROWS, (AGE, CALLS), "float64"),
    "xgboost": (MODELS["xgboost"][1], ROWS, (AGE, CALLS), "int64"),
    "lightgbm": (MODELS["lightgbm"][1], ROWS, (AGE, CALLS), "float64"),
    "onnx": (onnx_model, None, (X,), "float32"),
    "torch": (
        MODELS["torch"][1],
        np.ones((3, 2), dtype="float32"),
        (Tensor(dtype="float32", shape=(-1, 2)),),
        "float32",
    ),
}


@pytest.mark.parametrize("flavor", PREDICTING)
def test_a_model_is_saved_described_and_registered(flavor: str, registry: Registry) -> None:
    needs(flavor)
    make, sample, inputs, output = PREDICTING[flavor]
    done = registry.register_model("churn", make(), flavor=flavor, sample=sample, run_id="nb-1")
    version = done.version
    assert (version.reference, version.flavor, version.run_id) == ("churn/1", flavor, "nb-1")
    assert version.signature.inputs == inputs
    (given,) = version.signature.outputs
    assert isinstance(given, Tensor)
    assert given.dtype == output
    registry.load("churn/1", trust=["pickle"] if flavor == "joblib" else [])


def test_the_signature_of_a_model_that_cannot_be_called_needs_its_outputs(
    registry: Registry,
) -> None:
    with pytest.raises(UnsupportedModelError, match="which cannot be called"):
        registry.register_model("churn", arrays(), flavor="safetensors", sample=ROWS, run_id="nb")
    version = registry.register_model(
        "churn", arrays(), flavor="safetensors", sample=ROWS, sample_outputs=CHURNED, run_id="nb"
    ).version
    assert version.signature.inputs == (AGE, CALLS)
    assert registry.load("churn/1").keys() == arrays().keys()  # type: ignore[attr-defined]  # it is an object


def test_a_folder_that_mlflow_saved_states_its_signature(
    registry: Registry, tmp_path: Path
) -> None:
    (tmp_path / "MLmodel").write_text(MLMODEL)
    version = registry.register_model("churn", tmp_path, flavor="mlflow", run_id="nb").version
    assert version.signature.inputs == (AGE,)


def test_a_file_is_registered_with_a_stated_signature(registry: Registry, tmp_path: Path) -> None:
    weights = artifact(tmp_path / "a") / "model.bin"
    version = registry.register_model(
        "churn", weights, flavor="generic", signature=SIGNATURE, run_id="nb"
    ).version
    assert version.signature == SIGNATURE
    with pytest.raises(InvalidSignatureError, match="cannot be inferred"):
        registry.register_model("other", weights, flavor="generic", sample=ROWS, run_id="nb")


def test_all_facts_of_the_training_are_recorded(registry: Registry) -> None:
    version = registry.register_model(
        "churn",
        linear_model(),
        flavor="sklearn",
        sample=ROWS,
        run_id="nb-1",
        metrics={"auc": 0.9},
        params={"depth": 3},
        tags={"team": "growth"},
        owners=["ann@example.com"],
        validation_dataset_id="holdout-1",
        verify=False,
        risk_class="limited",  # type: ignore[typeddict-item]  # as it is typed in a notebook
    ).version
    assert (version.git_commit, version.git_source) == (COMMIT, "GITHUB_SHA")
    assert version.metrics == {"auc": 0.9}
    assert version.params == {"depth": 3}
    assert version.tags == {"team": "growth"}
    assert version.owners == ("ann@example.com",)
    assert version.validation_dataset_id == "holdout-1"
    assert version.risk_class == "limited"
    assert version.environment_hash == environment_hash(installed_packages())


def test_the_same_model_of_a_further_run_is_the_same_version(registry: Registry) -> None:
    for run in ("nb-1", "nb-2"):
        done = registry.register_model(
            "churn", linear_model(), flavor="sklearn", sample=ROWS, run_id=run, verify=False
        )
    assert (done.version.version_id, done.created) == (1, False)
    assert [each.metadata.run_id for each in registry.trainings("churn/1")] == ["nb-1", "nb-2"]


def test_the_run_and_build_are_those_of_the_ci(
    registry: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CI_PIPELINE_ID", "4711")
    monkeypatch.setenv("CI_PIPELINE_URL", "https://ci.example.com/4711")
    version = registry.register_model("adder", onnx_model(), flavor="onnx").version
    assert (version.run_id, version.ci_build) == ("4711", "https://ci.example.com/4711")


@pytest.mark.parametrize(
    ("changes", "error", "field"),
    [
        ({"run_id": None}, InvalidMetadataError, "run_id"),
        ({"sample": None}, InvalidMetadataError, "signature"),
        ({"flavor": "sclearn"}, UnknownFlavorError, "flavor"),
        ({"metrics": {"auc": float("nan")}}, InvalidMetadataError, "metrics.auc"),
        ({"colour": "red"}, InvalidMetadataError, "colour"),
        ({"git_commit": "HEAD"}, InvalidMetadataError, "git_commit"),
    ],
)
def test_missing_or_invalid_fields_are_named_and_nothing_is_written(
    changes: dict[str, Any], error: type[Exception], field: str, registry: Registry
) -> None:
    given = {"flavor": "sklearn", "sample": ROWS, "run_id": "nb", **changes}
    with pytest.raises(error) as refused:
        registry.register_model("churn", linear_model(), **given)
    assert refused.value.field == field  # type: ignore[attr-defined]  # all of them have one
    assert registry.models() == ()


@pytest.mark.parametrize(
    ("sample", "outputs"),
    [
        (ROWS, ROWS["age"]),
        (pl.DataFrame({"age": [1.0], "calls": [1]}), pl.Series("age", [1.0])),
        (pa.table({"age": [1.0], "calls": [1]}), pa.table({"age": [1.0]})),
    ],
    ids=["pandas", "polars", "arrow"],
)
def test_files_are_registered_with_a_signature_from_frames(
    sample: object, outputs: object, registry: Registry, tmp_path: Path
) -> None:
    version = registry.register(
        "churn",
        artifact(tmp_path),
        flavor="generic",
        sample=sample,
        sample_outputs=outputs,
        run_id="1",
    ).version
    assert version.signature.inputs == (AGE, CALLS)
    assert version.signature.outputs == (AGE,)
    assert version.environment_hash is None  # they may have been trained anywhere


def test_files_are_registered_with_a_signature_from_arrays(
    registry: Registry, tmp_path: Path
) -> None:
    version = registry.register(
        "churn",
        artifact(tmp_path),
        flavor="generic",
        sample={"x": np.ones((3, 2), dtype="float32")},
        sample_outputs=np.ones(3),
        run_id="1",
    ).version
    assert version.signature.inputs == (X,)


def test_files_are_loaded_and_called_with_a_sample(registry: Registry, tmp_path: Path) -> None:
    get_flavor("joblib").save(linear_model(), tmp_path)
    with pytest.raises(UntrustedModelError):
        registry.register("churn", tmp_path, flavor="joblib", sample=ROWS, run_id="1")
    for path in (tmp_path, tmp_path / "model.joblib"):
        version = registry.register(
            "churn", path, flavor="joblib", sample=ROWS, run_id="1", trust=["pickle"]
        ).version
        assert version.signature.inputs == (AGE, CALLS)
        assert version.version_id == 1


def test_files_that_state_their_signature_need_no_sample(
    registry: Registry, tmp_path: Path
) -> None:
    graph, mlflow = tmp_path / "graph", tmp_path / "mlflow"
    graph.mkdir()
    mlflow.mkdir()
    get_flavor("onnx").save(onnx_model(), graph)
    (mlflow / "MLmodel").write_text(MLMODEL)
    adder = registry.register("adder", graph, flavor="onnx", run_id="1").version
    assert adder.signature.inputs == (X,)
    churn = registry.register("churn", mlflow, flavor="mlflow", run_id="1").version
    assert churn.signature.inputs == (AGE,)


def test_files_without_a_signature_or_a_flavor_are_refused(
    registry: Registry, tmp_path: Path
) -> None:
    with pytest.raises(InvalidMetadataError, match="neither the caller nor the model's files"):
        registry.register("churn", artifact(tmp_path), flavor="generic", run_id="1")
    with pytest.raises(InvalidMetadataError) as refused:
        registry.register("churn", tmp_path, signature=SIGNATURE, run_id="1")
    assert refused.value.field == "flavor"
    with pytest.raises(InvalidArtifactError):
        registry.register("churn", tmp_path / "absent", flavor="generic", run_id="1")
    with pytest.raises(InvalidMetadataError, match="also given"):
        registry.register("churn", tmp_path, new_version(), tags={"team": "growth"})
    assert registry.models() == ()


def test_every_declared_field_can_be_stated_by_keyword() -> None:
    # The flavor has its own parameter, and the source of the commit is not a caller's field.
    apart = {"flavor", "git_source"}
    assert set(DeclaredFields.__annotations__) == set(DeclaredMetadata.model_fields) - apart


def test_a_sample_of_one_row_is_enough(registry: Registry) -> None:
    row = pd.DataFrame({"age": [1.0], "calls": [1]})
    done = registry.register_model(
        "churn", linear_model(), flavor="sklearn", sample=row, run_id="1", verify=False
    )
    assert done.version.signature.inputs == (AGE, CALLS)
