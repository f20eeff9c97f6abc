import gzip
import pickle
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
from pedigree.flavors.joblib import JoblibFlavor
from pedigree.signatures.records import Tensor
from tests.flavors.hostile import pickle_that_touches
from tests.lazy import lazy

joblib = lazy("joblib")

linear_model = lazy("sklearn.linear_model")
neighbors = lazy("sklearn.neighbors")

FLAVOR = JoblibFlavor()
ROWS = np.arange(8.0).reshape(4, 2)


def test_a_model_that_skops_does_not_trust_is_restored_with_trust(tmp_path: Path) -> None:
    model = neighbors.KNeighborsClassifier(1, algorithm="kd_tree").fit(ROWS, [0, 1, 0, 1])
    FLAVOR.save(model, tmp_path)
    loaded = FLAVOR.load(tmp_path, trust=["pickle"])
    assert isinstance(loaded, neighbors.KNeighborsClassifier)
    assert loaded.predict(ROWS).tolist() == [0, 1, 0, 1]


@pytest.mark.parametrize("name", ["model.joblib", "model.pkl", "model.pickle"])
def test_a_pickle_is_not_opened_without_trust(name: str, tmp_path: Path) -> None:
    canary = tmp_path / "canary"
    folder = tmp_path / "model"
    folder.mkdir()
    (folder / name).write_bytes(pickle_that_touches(canary))
    for trust in ([], ["joblib"], ["posix.system"]):
        with pytest.raises(
            UntrustedModelError, match="loading it runs code of its author"
        ) as refused:
            FLAVOR.load(folder, trust=trust)
        assert f"{name} is a pickle" in str(refused.value)
        assert "trust=['pickle']" in str(refused.value.remedy)
        assert not canary.exists()
    FLAVOR.load(folder, trust=["pickle"])
    assert canary.exists()  # so the test can see what it is about


@pytest.mark.parametrize(
    "name",
    [
        "model.joblib.gz",
        "model.pkl.gz",
        "model.z",
        "model.xz",
        "model.pkl.bz2",
        "model.lzma",
        "model.sav",
        "model.pickle",
    ],
)
def test_a_pickle_in_a_compressed_file_is_restored(name: str, tmp_path: Path) -> None:
    model = linear_model.LinearRegression().fit(ROWS, ROWS[:, 0])
    joblib.dump(model, tmp_path / name)
    FLAVOR.check_files(tmp_path)
    with pytest.raises(UntrustedModelError):
        FLAVOR.load(tmp_path)
    loaded: Any = FLAVOR.load(tmp_path, trust=["pickle"])
    np.testing.assert_array_equal(loaded.predict(ROWS), model.predict(ROWS))


def test_a_pickle_that_gzip_compressed_is_restored(tmp_path: Path) -> None:
    with gzip.open(tmp_path / "model.pkl.gz", "wb") as file:
        pickle.dump(linear_model.LinearRegression().fit(ROWS, ROWS[:, 0]), file)
    assert isinstance(FLAVOR.load(tmp_path, trust=["pickle"]), linear_model.LinearRegression)


def test_trust_is_a_list_not_a_string(tmp_path: Path) -> None:
    FLAVOR.save(linear_model.LinearRegression(), tmp_path)
    with pytest.raises(InvalidInputError, match="trust must be a list"):
        FLAVOR.load(tmp_path, trust="pickle")


def test_a_damaged_pickle_is_refused(tmp_path: Path) -> None:
    (tmp_path / "model.joblib").write_bytes(b"no pickle")
    with pytest.raises(InvalidArtifactError, match=r"joblib cannot read model\.joblib"):
        FLAVOR.load(tmp_path, trust=["pickle"])


def test_a_folder_must_hold_one_pickle(tmp_path: Path) -> None:
    with pytest.raises(InvalidArtifactError, match="has 0"):
        FLAVOR.load(tmp_path, trust=["pickle"])
    for name in ("one.joblib", "other.pkl"):
        joblib.dump(linear_model.LinearRegression(), tmp_path / name)
    with pytest.raises(InvalidArtifactError, match="has 2"):
        FLAVOR.load(tmp_path, trust=["pickle"])


def test_an_object_that_cannot_be_pickled_leaves_no_file(tmp_path: Path) -> None:
    with pytest.raises(UnsupportedModelError, match="cannot pickle this function"):
        FLAVOR.save(lambda rows: rows, tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_the_signature_describes_the_output_for_the_sample() -> None:
    signature = FLAVOR.infer_signature(linear_model.LinearRegression().fit(ROWS, ROWS[:, 0]), ROWS)
    assert signature.outputs == (Tensor(dtype="float64", shape=(-1,)),)
