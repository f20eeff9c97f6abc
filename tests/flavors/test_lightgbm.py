from pathlib import Path
from typing import Any

import lightgbm
import numpy as np
import pytest

from pedigree.errors import InvalidArtifactError, UnsupportedModelError
from pedigree.flavors.lightgbm import LightGBMFlavor
from pedigree.signatures.records import Tensor
from tests.flavors.models import CHURNED, ROWS, lightgbm_model

FLAVOR = LightGBMFlavor()


def estimator() -> Any:
    model = lightgbm.LGBMClassifier(n_estimators=2, n_jobs=1, verbose=-1, min_child_samples=2)
    return model.fit(ROWS, CHURNED)


def test_a_booster_comes_back_as_it_was(tmp_path: Path) -> None:
    booster = lightgbm_model()
    FLAVOR.save(booster, tmp_path)
    loaded: Any = FLAVOR.load(tmp_path)
    np.testing.assert_array_equal(loaded.predict(ROWS), booster.predict(ROWS))


def test_of_an_estimator_the_booster_is_kept_and_described(tmp_path: Path) -> None:
    model = estimator()
    FLAVOR.save(model, tmp_path)
    loaded: Any = FLAVOR.load(tmp_path)
    assert isinstance(loaded, lightgbm.Booster)
    np.testing.assert_array_equal(loaded.predict(ROWS), model.predict_proba(ROWS)[:, 1])
    signature = FLAVOR.infer_signature(model, ROWS)
    assert signature == FLAVOR.infer_signature(loaded, ROWS)
    assert signature.outputs == (Tensor(dtype="float64", shape=(-1,)),)


def test_categories_of_a_frame_come_back(tmp_path: Path) -> None:
    rows = ROWS.assign(plan=np.where(ROWS["age"] > 20, "gold", "basic")).astype(
        {"plan": "category"}
    )
    params = {"verbose": -1, "num_threads": 1, "min_data_in_leaf": 2}
    booster = lightgbm.train(params, lightgbm.Dataset(rows, CHURNED), num_boost_round=2)
    FLAVOR.save(booster, tmp_path)
    loaded: Any = FLAVOR.load(tmp_path)
    np.testing.assert_array_equal(loaded.predict(rows), booster.predict(rows))


@pytest.mark.parametrize("content", ["", "tree\n", "nonsense"])
def test_a_damaged_file_is_refused(content: str, tmp_path: Path) -> None:
    (tmp_path / "model.txt").write_text(content)
    with pytest.raises(InvalidArtifactError, match=r"LightGBM cannot read model\.txt"):
        FLAVOR.load(tmp_path)


@pytest.mark.parametrize(
    ("model", "told"), [({}, "dict is neither"), (lightgbm.LGBMRegressor(), "holds no booster")]
)
def test_what_is_no_trained_model_is_refused(model: object, told: str, tmp_path: Path) -> None:
    with pytest.raises(UnsupportedModelError, match=told):
        FLAVOR.save(model, tmp_path)
