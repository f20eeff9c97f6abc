import json
import os
import subprocess
import sys
import time
import zipfile
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pedigree.errors import (
    InvalidArtifactError,
    InvalidInputError,
    UnsupportedModelError,
    UntrustedModelError,
)
from pedigree.flavors.sklearn import SklearnFlavor
from pedigree.signatures.records import Column, ColumnType, Tensor
from tests.lazy import lazy

golden = lazy("tests.flavors.golden")
linear_model = lazy("sklearn.linear_model")
pipeline = lazy("sklearn.pipeline")
preprocessing = lazy("sklearn.preprocessing")
skops_io = lazy("skops.io")
sparse = lazy("scipy.sparse")

FLAVOR = SklearnFlavor()
PROGRAM = Path(__file__).with_name("golden.py")
ROOT = PROGRAM.parents[2]
# What golden.py has, whose import takes seconds.
NAMES = (
    "hist_gradient_boosting",
    "boosting_of_categories",
    "gradient_boosting",
    "random_forest",
    "decision_tree",
    "isolation_forest",
    "logistic_regression",
    "pipeline_of_boosting",
    "pipeline_of_regression",
    "pipeline_by_selectors",
    "text_with_sets",
)


def stored(model: object, folder: Path) -> bytes:
    folder.mkdir(exist_ok=True, parents=True)
    FLAVOR.save(model, folder)
    return (folder / "model.skops").read_bytes()


def train_in_a_process(folder: Path) -> str:
    environment = {**os.environ, "PYTHONHASHSEED": "4711", "PYTHONPATH": str(ROOT)}
    command = [sys.executable, str(PROGRAM), str(folder)]
    done = subprocess.run(command, env=environment, check=True, capture_output=True, text=True)
    assert done.stderr == "", "it imports torch"
    return done.stdout


def halved(numbers: Any) -> Any:
    return np.asarray(numbers) / 2


@pytest.mark.system
def test_two_processes_that_train_the_same_model_save_the_same_bytes(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    golden.train_all(tmp_path / "here")
    here = capsys.readouterr().out
    assert len(here.splitlines()) == len(golden.GOLDEN)
    assert train_in_a_process(tmp_path / "there") == here


def test_the_golden_models_are_those_that_come_back() -> None:
    assert set(golden.GOLDEN) == set(NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_a_model_is_restored_without_trust(name: str, tmp_path: Path) -> None:
    model: Any = golden.GOLDEN[name]()
    stored(model, tmp_path)
    loaded: Any = FLAVOR.load(tmp_path)
    frame, _ = golden.customers()
    sample: Any = (
        ["the good", "bad"]
        if name == "text_with_sets"
        else frame.astype({"plan": "category"})
        if name == "boosting_of_categories"
        else frame[list(getattr(model, "feature_names_in_", frame.columns))]
    )
    np.testing.assert_array_equal(model.predict(sample), loaded.predict(sample))
    assert stored(loaded, tmp_path / "again") == stored(model, tmp_path / "and again")


def test_dumps_at_different_times_are_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = linear_model.LogisticRegression().fit([[0.0], [1.0]], [0, 1])
    model.sparse_ = sparse.csr_matrix(np.eye(3))
    model.bytes_ = b"written under a random name"
    first = stored(model, tmp_path / "first")
    now = time.time() + 86_400
    monkeypatch.setattr(time, "time", lambda: now)
    assert stored(model, tmp_path / "second") == first


def test_shared_objects_stay_shared_and_equal_ones_stay_separate(tmp_path: Path) -> None:
    model = linear_model.LogisticRegression().fit([[0.0], [1.0]], [0, 1])
    shared = np.arange(3.0)
    model.parts_ = [shared, shared, np.arange(3.0)]
    stored(model, tmp_path)
    one, same, other = FLAVOR.load(tmp_path).parts_  # type: ignore[attr-defined]  # it is an object
    assert one is same
    assert one is not other
    np.testing.assert_array_equal(one, other)


def test_equal_strings_are_saved_equally_whether_or_not_they_are_one_object(tmp_path: Path) -> None:
    one, other = linear_model.LogisticRegression(), linear_model.LogisticRegression()
    text = "".join(["a", "b"])
    one.words_ = [text, text]
    other.words_ = [text, "".join(["a", "b"])]
    assert stored(one, tmp_path / "one") == stored(other, tmp_path / "other")


def test_different_models_are_saved_as_different_bytes(tmp_path: Path) -> None:
    one = stored(linear_model.LogisticRegression(C=1.0), tmp_path / "one")
    assert stored(linear_model.LogisticRegression(C=2.0), tmp_path / "other") != one


def test_keys_that_are_equal_in_json_are_refused(tmp_path: Path) -> None:
    model = linear_model.LogisticRegression(class_weight={1: 0.5, "1": 0.25})
    with pytest.raises(UnsupportedModelError, match="several keys that are '1' in JSON"):
        FLAVOR.save(model, tmp_path)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: {"not": "a model"}, "dict is not an estimator"),
        (
            lambda: linear_model.LogisticRegression(class_weight={(1, 2): 0.5}),
            "skops cannot save",
        ),
    ],
)
def test_a_model_that_skops_cannot_save_is_refused(
    make: Callable[[], object], message: str, tmp_path: Path
) -> None:
    with pytest.raises(UnsupportedModelError, match=message):
        FLAVOR.save(make(), tmp_path)


def test_a_custom_function_needs_trust_in_its_name(tmp_path: Path) -> None:
    model = pipeline.make_pipeline(
        preprocessing.FunctionTransformer(halved), preprocessing.StandardScaler()
    ).fit([[1.0], [2.0]])
    stored(model, tmp_path)
    name = f"{halved.__module__}.halved"
    with pytest.raises(UntrustedModelError, match="can run code") as refused:
        FLAVOR.load(tmp_path)
    assert name in str(refused.value)
    assert f"trust=['{name}']" in str(refused.value.remedy)
    FLAVOR.load(tmp_path, trust=[name])


def test_trust_is_a_list_not_a_string(tmp_path: Path) -> None:
    stored(linear_model.LogisticRegression(), tmp_path)
    with pytest.raises(InvalidInputError, match="trust must be a list"):
        FLAVOR.load(tmp_path, trust="os.system")


def test_a_crafted_archive_that_would_run_a_command_is_refused(tmp_path: Path) -> None:
    canary = tmp_path / "canary"
    schema = {
        "__class__": "system",
        "__module__": "os",
        "__loader__": "ConstructorFromReduceNode",
        "content": {
            "__class__": "tuple",
            "__module__": "builtins",
            "__loader__": "TupleNode",
            "content": [
                {
                    "__class__": "str",
                    "__module__": "builtins",
                    "__loader__": "JsonNode",
                    "content": json.dumps(f"touch {canary}"),
                }
            ],
        },
        "protocol": 2,
        "_skops_version": version("skops"),
    }
    with zipfile.ZipFile(tmp_path / "model.skops", "w") as archive:
        archive.writestr("schema.json", json.dumps(schema))
    with pytest.raises(UntrustedModelError, match=r"os\.system"):
        FLAVOR.load(tmp_path)
    assert not canary.exists()


@pytest.mark.parametrize(
    "fill",
    [
        lambda folder: (folder / "model.skops").write_bytes(b"no zip"),
        lambda folder: zipfile.ZipFile(folder / "model.skops", "w").close(),
    ],
)
def test_a_file_that_is_not_an_archive_is_refused(
    fill: Callable[[Path], None], tmp_path: Path
) -> None:
    fill(tmp_path)
    with pytest.raises(InvalidArtifactError, match=r"skops cannot read model\.skops"):
        FLAVOR.load(tmp_path)


def test_a_folder_must_hold_one_archive(tmp_path: Path) -> None:
    with pytest.raises(InvalidArtifactError, match="has 0"):
        FLAVOR.load(tmp_path)
    skops_io.dump(linear_model.LogisticRegression(), tmp_path / "anything.skops")
    assert isinstance(FLAVOR.load(tmp_path), linear_model.LogisticRegression)
    skops_io.dump(linear_model.LogisticRegression(), tmp_path / "other.skops")
    with pytest.raises(InvalidArtifactError, match="has 2"):
        FLAVOR.load(tmp_path)


def test_the_signature_describes_the_output_for_the_sample() -> None:
    model = golden.GOLDEN["pipeline_of_regression"]()
    frame, _ = golden.customers()
    signature = FLAVOR.infer_signature(model, frame.head())
    assert signature.inputs[0] == Column(name="tenure", type=ColumnType.DOUBLE)
    assert signature.inputs[-1] == Column(name="state", type=ColumnType.STRING)
    assert signature.outputs == (Tensor(dtype="int64", shape=(-1,)),)


def test_a_transformer_is_described_by_its_transformed_output() -> None:
    frame, _ = golden.customers()
    scaler = preprocessing.StandardScaler().fit(frame[golden.NUMBERS])
    assert FLAVOR.infer_signature(scaler, frame[golden.NUMBERS]).outputs == (
        Tensor(dtype="float64", shape=(-1, 3)),
    )


def test_a_model_that_cannot_be_called_needs_a_stated_signature() -> None:
    with pytest.raises(UnsupportedModelError, match=r"neither predict\(\) nor transform\(\)"):
        FLAVOR.infer_signature(object(), [[1.0]])
