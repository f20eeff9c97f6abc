from pathlib import Path
from typing import Any

import numpy as np
import pytest
import xgboost

from pedigree.errors import InvalidArtifactError, UnsupportedModelError
from pedigree.flavors.xgboost import XGBoostFlavor
from pedigree.signatures.records import Column, ColumnType, Tensor
from tests.flavors.models import CHURNED, ROWS, xgboost_model

FLAVOR = XGBoostFlavor()
AGE, CALLS = Column(name="age", type=ColumnType.DOUBLE), Column(name="calls", type=ColumnType.LONG)


def ranker() -> Any:
    groups = np.repeat([0, 1], len(ROWS) // 2)
    return xgboost.XGBRanker(n_estimators=2).fit(ROWS, CHURNED, qid=groups)


@pytest.mark.parametrize(
    "make",
    [
        xgboost_model,
        lambda: xgboost.XGBRegressor(n_estimators=2).fit(ROWS, CHURNED),
        ranker,
    ],
)
def test_an_estimator_comes_back_as_one(make: Any, tmp_path: Path) -> None:
    model = make()
    FLAVOR.save(model, tmp_path)
    loaded: Any = FLAVOR.load(tmp_path)
    assert type(loaded) is type(model)
    np.testing.assert_array_equal(loaded.predict(ROWS), model.predict(ROWS))


def test_a_booster_comes_back_as_one(tmp_path: Path) -> None:
    booster = xgboost_model().get_booster()
    FLAVOR.save(booster, tmp_path)
    loaded = FLAVOR.load(tmp_path)
    assert isinstance(loaded, xgboost.Booster)
    data = xgboost.DMatrix(ROWS)
    np.testing.assert_array_equal(loaded.predict(data), booster.predict(data))


def test_json_as_xgboost_writes_it_is_read_too(tmp_path: Path) -> None:
    xgboost_model().save_model(tmp_path / "mine.json")
    assert isinstance(FLAVOR.load(tmp_path), xgboost.XGBClassifier)


def test_the_signature_is_what_the_model_gives_for_the_sample() -> None:
    model = xgboost_model()
    assert FLAVOR.infer_signature(model, ROWS).inputs == (AGE, CALLS)
    assert FLAVOR.infer_signature(model, ROWS).outputs == (Tensor(dtype="int64", shape=(-1,)),)
    of_booster = FLAVOR.infer_signature(model.get_booster(), ROWS)
    assert of_booster.outputs == (Tensor(dtype="float32", shape=(-1,)),)


@pytest.mark.parametrize("content", [b"", b"{", b"{}", b"nonsense", b'{"learner": {}}'])
def test_a_damaged_file_is_refused(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "model.ubj").write_bytes(content)
    with pytest.raises(InvalidArtifactError, match=r"XGBoost cannot read model\.ubj"):
        FLAVOR.load(tmp_path)


@pytest.mark.parametrize(
    ("model", "told"),
    [({}, "dict is neither a Booster"), (xgboost.XGBRegressor(), "cannot store this XGBRegressor")],
)
def test_what_is_no_trained_model_is_refused(model: object, told: str, tmp_path: Path) -> None:
    with pytest.raises(UnsupportedModelError, match=told):
        FLAVOR.save(model, tmp_path)
