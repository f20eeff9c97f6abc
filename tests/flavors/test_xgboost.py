from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from pedigree.errors import InvalidArtifactError, UnsupportedModelError
from pedigree.flavors.xgboost import XGBoostFlavor
from pedigree.signatures.records import Column, ColumnType, Tensor
from tests.flavors.models import CHURNED, ROWS, xgboost_model
from tests.lazy import lazy

xgboost = lazy("xgboost")

sk_base = lazy("sklearn.base")

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
def test_an_estimator_is_restored_as_an_estimator(make: Any, tmp_path: Path) -> None:
    model = make()
    FLAVOR.save(model, tmp_path)
    loaded: Any = FLAVOR.load(tmp_path)
    assert type(loaded) is type(model)
    np.testing.assert_array_equal(loaded.predict(ROWS), model.predict(ROWS))


def test_a_booster_is_restored_as_a_booster(tmp_path: Path) -> None:
    booster = xgboost_model().get_booster()
    FLAVOR.save(booster, tmp_path)
    loaded = FLAVOR.load(tmp_path)
    assert isinstance(loaded, xgboost.Booster)
    data = xgboost.DMatrix(ROWS)
    np.testing.assert_array_equal(loaded.predict(data), booster.predict(data))


def gaps() -> tuple[Any, Any]:
    """Numbers in which -999 is a missing value, and a label."""
    chance = np.random.default_rng(0)
    numbers = chance.normal(size=(300, 3))
    gap = chance.random(numbers.shape) < 0.3
    return np.where(gap, -999.0, numbers), (np.where(gap, 0, numbers).sum(axis=1) > 0).astype(int)


NUMBERS, LABELS = gaps()


def no_squares(target: Any, guess: Any) -> tuple[Any, Any]:
    return guess - target, np.ones_like(guess)


def fitted(kind: str, y: Any = LABELS, X: Any = NUMBERS, **params: Any) -> Any:  # noqa: N803 - XGBoost's words
    return getattr(xgboost, kind)(**{"n_estimators": 5, "n_jobs": 1, **params}).fit(X, y)


THIRDS = np.arange(len(LABELS)) % 3
PLANS = pd.DataFrame({"age": NUMBERS[:, 0], "plan": pd.Categorical(np.where(LABELS, "a", "b"))})

ESTIMATORS: dict[str, tuple[Callable[[], Any], Any]] = {
    "missing is a number": (lambda: fitted("XGBClassifier", missing=-999.0), NUMBERS),
    "missing is numpy's": (lambda: fitted("XGBRegressor", missing=np.float32(-999)), NUMBERS),
    "missing is zero": (
        lambda: fitted("XGBRegressor", X=np.where(NUMBERS == -999, 0, NUMBERS), missing=0),
        np.where(NUMBERS == -999, 0, NUMBERS),
    ),
    "forest that classifies": (lambda: fitted("XGBRFClassifier", max_depth=3), NUMBERS),
    "forest that regresses": (lambda: fitted("XGBRFRegressor", max_depth=3), NUMBERS),
    "one class": (
        lambda: fitted("XGBClassifier", y=np.zeros(300, dtype=int), base_score=0.5),
        NUMBERS,
    ),
    "three classes": (lambda: fitted("XGBClassifier", y=THIRDS), NUMBERS),
    "softmax": (lambda: fitted("XGBClassifier", y=THIRDS, objective="multi:softmax"), NUMBERS),
    "several labels": (lambda: fitted("XGBClassifier", y=np.c_[LABELS, 1 - LABELS]), NUMBERS),
    "linear": (
        lambda: fitted("XGBRegressor", booster="gblinear", updater="coord_descent"),
        NUMBERS,
    ),
    "dart": (lambda: fitted("XGBRegressor", booster="dart", rate_drop=0.5), NUMBERS),
    "categories": (lambda: fitted("XGBClassifier", X=PLANS, enable_categorical=True), PLANS),
    "feature types": (
        lambda: fitted(
            "XGBClassifier",
            X=np.c_[NUMBERS[:, :2], LABELS],
            feature_types=["q", "q", "c"],
            enable_categorical=True,
        ),
        np.c_[NUMBERS[:, :2], LABELS],
    ),
    "constraints": (lambda: fitted("XGBRegressor", monotone_constraints=(1, 0, -1)), NUMBERS),
}


def plain(value: Any) -> Any:
    return value.item() if isinstance(value, np.generic) else value


@pytest.mark.parametrize("name", ESTIMATORS)
def test_an_estimator_is_restored_with_its_parameters_and_predicts_the_same(
    name: str, tmp_path: Path
) -> None:
    make, rows = ESTIMATORS[name]
    model = make()
    FLAVOR.save(model, tmp_path)
    loaded: Any = FLAVOR.load(tmp_path)
    assert type(loaded) is type(model)
    params = {each: plain(value) for each, value in model.get_params().items()}
    assert repr(loaded.get_params()) == repr(params)
    assert getattr(loaded, "n_classes_", None) == getattr(model, "n_classes_", None)
    assert loaded.get_booster().attributes() == model.get_booster().attributes()
    for verb in {"predict", "predict_proba"} & set(dir(model)):
        np.testing.assert_array_equal(getattr(loaded, verb)(rows), getattr(model, verb)(rows))
    (tmp_path / "again").mkdir()
    FLAVOR.save(loaded, tmp_path / "again")
    stored = (tmp_path / "model.ubj").read_bytes()
    assert (tmp_path / "again" / "model.ubj").read_bytes() == stored


def test_models_with_different_missing_values_are_saved_as_different_bytes(tmp_path: Path) -> None:
    model = fitted("XGBClassifier", missing=-999.0)
    FLAVOR.save(model, tmp_path)
    stored = (tmp_path / "model.ubj").read_bytes()
    model.missing = np.nan
    FLAVOR.save(model, tmp_path)
    assert (tmp_path / "model.ubj").read_bytes() != stored


def test_the_best_iteration_of_early_stopping_is_restored(tmp_path: Path) -> None:
    held_out = [(NUMBERS[200:], LABELS[200:])]
    model = xgboost.XGBClassifier(n_estimators=50, early_stopping_rounds=2, n_jobs=1)
    model.fit(NUMBERS[:200], LABELS[:200], eval_set=held_out, verbose=False)
    FLAVOR.save(model, tmp_path)
    loaded: Any = FLAVOR.load(tmp_path)
    assert (loaded.best_iteration, loaded.best_score) == (model.best_iteration, model.best_score)
    np.testing.assert_array_equal(loaded.predict_proba(NUMBERS), model.predict_proba(NUMBERS))


def test_a_base_margin_of_the_caller_still_works(tmp_path: Path) -> None:
    margin = np.full(len(LABELS), 0.5)
    model = xgboost.XGBClassifier(n_estimators=3, n_jobs=1)
    model.fit(NUMBERS, LABELS, base_margin=margin)
    FLAVOR.save(model, tmp_path)
    loaded: Any = FLAVOR.load(tmp_path)
    np.testing.assert_array_equal(
        loaded.predict_proba(NUMBERS, base_margin=margin),
        model.predict_proba(NUMBERS, base_margin=margin),
    )


def test_objects_that_only_training_uses_are_omitted(tmp_path: Path) -> None:
    model = fitted(
        "XGBRegressor",
        objective=no_squares,
        eval_metric=lambda *_: 0.0,
        random_state=np.random.RandomState(0),
    )
    FLAVOR.save(model, tmp_path)
    loaded: Any = FLAVOR.load(tmp_path)
    params = loaded.get_params()
    assert [params[name] for name in ("objective", "eval_metric", "random_state")] == [None] * 3
    np.testing.assert_array_equal(loaded.predict(NUMBERS), model.predict(NUMBERS))


def test_the_loaded_estimator_trains_like_the_registered_one(tmp_path: Path) -> None:
    model = fitted("XGBRegressor", max_depth=2, learning_rate=0.5, missing=-999.0)
    FLAVOR.save(model, tmp_path)
    again = sk_base.clone(FLAVOR.load(tmp_path)).fit(NUMBERS, LABELS)
    np.testing.assert_array_equal(again.predict(NUMBERS), model.predict(NUMBERS))


def test_xgboost_itself_reads_the_saved_file(tmp_path: Path) -> None:
    model = fitted("XGBClassifier", missing=-999.0)
    FLAVOR.save(model, tmp_path)
    of_xgboost = xgboost.XGBClassifier(missing=-999.0)
    of_xgboost.load_model(tmp_path / "model.ubj")
    np.testing.assert_array_equal(of_xgboost.predict(NUMBERS), model.predict(NUMBERS))


def test_an_estimator_of_ones_own_class_is_refused(tmp_path: Path) -> None:
    class Reversed(xgboost.XGBClassifier):  # type: ignore[misc, name-defined]  # it is imported late
        def predict(self, *given: Any, **more: Any) -> Any:
            return 1 - super().predict(*given, **more)

    model = Reversed(n_estimators=1).fit(NUMBERS, LABELS)
    with pytest.raises(UnsupportedModelError, match=r"Reversed is a class .* cannot restore"):
        FLAVOR.save(model, tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_parameter_that_predictions_use_is_saved_or_refused(tmp_path: Path) -> None:
    model = fitted("XGBClassifier")
    model.missing = object()
    with pytest.raises(UnsupportedModelError, match="the parameter missing is a object"):
        FLAVOR.save(model, tmp_path)


def test_json_that_xgboost_wrote_is_read_too(tmp_path: Path) -> None:
    xgboost_model().save_model(tmp_path / "mine.json")
    assert isinstance(FLAVOR.load(tmp_path), xgboost.XGBClassifier)


def test_the_signature_describes_the_output_for_the_sample() -> None:
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
    ("make", "message"),
    [
        (dict, "dict is neither a Booster"),
        (lambda: xgboost.XGBRegressor(), "cannot save this XGBRegressor"),  # noqa: PLW0108 - imports it
    ],
)
def test_an_object_that_is_not_a_trained_model_is_refused(
    make: Any, message: str, tmp_path: Path
) -> None:
    with pytest.raises(UnsupportedModelError, match=message):
        FLAVOR.save(make(), tmp_path)
