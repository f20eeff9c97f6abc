from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from pedigree.errors import InvalidArtifactError, UnsupportedModelError
from pedigree.flavors.lightgbm import LightGBMFlavor
from pedigree.signatures.records import Tensor
from tests.flavors.models import CHURNED, ROWS, lightgbm_model
from tests.lazy import lazy

lightgbm = lazy("lightgbm")

FLAVOR = LightGBMFlavor()


def estimator() -> Any:
    model = lightgbm.LGBMClassifier(n_estimators=2, n_jobs=1, verbose=-1, min_child_samples=2)
    return model.fit(ROWS, CHURNED)


def test_a_booster_is_restored(tmp_path: Path) -> None:
    booster = lightgbm_model()
    FLAVOR.save(booster, tmp_path)
    loaded: Any = FLAVOR.load(tmp_path)
    np.testing.assert_array_equal(loaded.predict(ROWS), booster.predict(ROWS))


def test_the_booster_of_an_estimator_is_saved_and_described(tmp_path: Path) -> None:
    model = estimator()
    FLAVOR.save(model, tmp_path)
    loaded: Any = FLAVOR.load(tmp_path)
    assert isinstance(loaded, lightgbm.Booster)
    np.testing.assert_array_equal(loaded.predict(ROWS), model.predict_proba(ROWS)[:, 1])
    signature = FLAVOR.infer_signature(model, ROWS)
    assert signature == FLAVOR.infer_signature(loaded, ROWS)
    assert signature.outputs == (Tensor(dtype="float64", shape=(-1,)),)


def test_categories_of_a_frame_are_restored(tmp_path: Path) -> None:
    rows = ROWS.assign(plan=np.where(ROWS["age"] > 20, "gold", "basic")).astype(
        {"plan": "category"}
    )
    params = {"verbose": -1, "num_threads": 1, "min_data_in_leaf": 2}
    booster = lightgbm.train(params, lightgbm.Dataset(rows, CHURNED), num_boost_round=2)
    FLAVOR.save(booster, tmp_path)
    loaded: Any = FLAVOR.load(tmp_path)
    np.testing.assert_array_equal(loaded.predict(rows), booster.predict(rows))


PLANS = np.arange(len(ROWS)) % 2


def of_categories(categories: Any, **columns: Any) -> Any:
    """Return a frame in which one column has these two categories."""
    return ROWS.assign(plan=pd.Categorical.from_codes(PLANS, categories=categories), **columns)


def fitted(rows: Any, **given: Any) -> Any:
    model = lightgbm.LGBMClassifier(n_estimators=3, n_jobs=1, verbose=-1, min_child_samples=2)
    return model.fit(rows, PLANS, **given)


@pytest.mark.parametrize(
    "categories",
    [
        ["gold", "basic"],
        ["é", "\u2028"],
        [1, 2],
        [0.1, 2.5],
        [True, False],
        pd.Index([0.1, 0.2], dtype="float32"),
        pd.Index([1, 2], dtype="Int64"),
        pd.Index([1, "1"], dtype="object"),
    ],
    ids=str,
)
def test_plain_categories_are_restored(categories: Any, tmp_path: Path) -> None:
    rows = of_categories(categories)
    model = fitted(rows)
    FLAVOR.save(model, tmp_path)
    loaded: Any = FLAVOR.load(tmp_path)
    assert loaded.pandas_categorical == model.booster_.pandas_categorical
    np.testing.assert_array_equal(loaded.predict(rows), model.booster_.predict(rows))


@pytest.mark.parametrize(
    ("categories", "kind"),
    [
        (pd.to_datetime(["2026-01-01", "2026-02-01"]), "Timestamp"),
        (pd.to_timedelta([1, 2]), "Timedelta"),
        (pd.period_range("2026-01", periods=2, freq="M"), "Period"),
        (pd.IntervalIndex.from_breaks([0, 1, 2]), "Interval"),
        (pd.Index([date(2026, 1, 1), date(2026, 2, 1)], dtype="object"), "date"),
        (pd.Index([Decimal(1), Decimal(2)], dtype="object"), "Decimal"),
        (pd.Index([b"a", b"b"], dtype="object"), "bytes"),
        (pd.Index([(1, 2), (3, 4)], tupleize_cols=False), "tuple"),
    ],
    ids=lambda given: given if isinstance(given, str) else "",
)
def test_categories_that_json_does_not_restore_are_refused_with_their_column(
    categories: Any, kind: str, tmp_path: Path
) -> None:
    rows = of_categories(categories, state=pd.Categorical.from_codes(PLANS, ["Ohio", "Utah"]))
    params = {"objective": "binary", "verbose": -1, "num_threads": 1, "min_data_in_leaf": 2}
    # Without keep_training_booster LightGBM itself fails to write the text at the end.
    booster = lightgbm.train(
        params, lightgbm.Dataset(rows, PLANS), num_boost_round=2, keep_training_booster=True
    )
    with pytest.raises(
        UnsupportedModelError, match=f"the column 'plan' has categories of type {kind}"
    ) as refused:
        FLAVOR.save(booster, tmp_path)
    assert "strings or numbers" in str(refused.value.remedy)
    assert list(tmp_path.iterdir()) == []


def test_the_best_iteration_of_early_stopping_is_saved(tmp_path: Path) -> None:
    chance = np.random.default_rng(0)
    rows, labels = chance.normal(size=(200, 3)), chance.integers(0, 2, 200)
    training = lightgbm.Dataset(rows[:150], labels[:150])
    booster = lightgbm.train(
        {"objective": "binary", "verbose": -1, "num_threads": 1},
        training,
        num_boost_round=50,
        valid_sets=[lightgbm.Dataset(rows[150:], labels[150:], reference=training)],
        callbacks=[lightgbm.early_stopping(2, verbose=False)],
        keep_training_booster=True,
    )
    FLAVOR.save(booster, tmp_path)
    loaded: Any = FLAVOR.load(tmp_path)
    assert loaded.current_iteration() == booster.best_iteration < booster.current_iteration()
    np.testing.assert_array_equal(loaded.predict(rows), booster.predict(rows))


def _named(value: object) -> str:
    # The repr of a function has its address, so two workers would collect different tests.
    return "a function" if callable(value) else str(value)


@pytest.mark.parametrize(
    "params",
    [
        {"boosting": "dart"},
        {"boosting": "rf", "bagging_freq": 1, "bagging_fraction": 0.5},
        {"linear_tree": True},
        {"zero_as_missing": True},
        {"use_missing": False},
        {"objective": "poisson"},
        {"objective": "binary", "sigmoid": 0.5},
        {"objective": "multiclass", "num_class": 2},
        {"objective": "multiclassova", "num_class": 2},
        {"objective": "cross_entropy"},
        {"objective": "regression", "reg_sqrt": True},
        {"objective": lambda guess, data: (guess - data.get_label(), np.ones_like(guess))},
    ],
    ids=lambda params: "-".join(f"{key}={_named(value)}" for key, value in params.items()),
)
def test_a_booster_with_any_parameters_predicts_the_same(params: Any, tmp_path: Path) -> None:
    quiet = {"verbose": -1, "num_threads": 1, "min_data_in_leaf": 2, "feature_pre_filter": False}
    rows = ROWS.assign(age=np.where(ROWS["age"] % 3 == 0, 0, ROWS["age"]))
    booster = lightgbm.train({**quiet, **params}, lightgbm.Dataset(rows, CHURNED), 3)
    FLAVOR.save(booster, tmp_path)
    loaded: Any = FLAVOR.load(tmp_path)
    gaps = rows.assign(calls=np.where(rows["calls"] % 4 == 0, np.nan, rows["calls"]))
    for asked in (rows, gaps):
        np.testing.assert_array_equal(loaded.predict(asked), booster.predict(asked))


@pytest.mark.parametrize("content", ["", "tree\n", "nonsense"])
def test_a_damaged_file_is_refused(content: str, tmp_path: Path) -> None:
    (tmp_path / "model.txt").write_text(content)
    with pytest.raises(InvalidArtifactError, match=r"LightGBM cannot read model\.txt"):
        FLAVOR.load(tmp_path)


@pytest.mark.parametrize(
    ("make", "message"),
    [(dict, "dict is neither"), (lambda: lightgbm.LGBMRegressor(), "has no booster")],  # noqa: PLW0108 - imports it
)
def test_an_object_that_is_not_a_trained_model_is_refused(
    make: Any, message: str, tmp_path: Path
) -> None:
    with pytest.raises(UnsupportedModelError, match=message):
        FLAVOR.save(make(), tmp_path)
