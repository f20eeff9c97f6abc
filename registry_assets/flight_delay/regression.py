"""The features of a flight at departure, and a regression of its arrival delay."""

from typing import TYPE_CHECKING

import pandas as pd

if TYPE_CHECKING:
    from sklearn.base import RegressorMixin

PLACES = ["carrier", "origin", "dest"]
NUMBERS = ["sched_dep_time", "sched_arr_time", "distance", "dep_delay"]
FEATURES = PLACES + NUMBERS
TARGET = "arr_delay"
PREDICTION = "expected_delay"
# Whole days are held out: flights of one day share weather and queues, so single rows would leak.
HELD_OUT_EVERY = 5
HELD_OUT_NAME = f"flights of every day divisible by {HELD_OUT_EVERY}"


def arrived(flights: pd.DataFrame) -> pd.DataFrame:
    """Return the flights that arrived, which have a delay."""
    return flights[flights[TARGET].notna()]


def departed(flights: pd.DataFrame) -> pd.DataFrame:
    """Return the flights that departed; a canceled one never arrives."""
    return flights[flights["dep_delay"].notna()]


def features_of(flights: pd.DataFrame) -> pd.DataFrame:
    """Return the model's input columns; numbers as ``double``."""
    return flights[FEATURES].astype(dict.fromkeys(NUMBERS, "float64"))


def answered(regression: "RegressorMixin", flights: pd.DataFrame) -> pd.DataFrame:
    """Return the model's inputs and predictions for some flights."""
    features = features_of(flights)
    return features.assign(**{PREDICTION: regression.predict(features)})


def held_out(flights: pd.DataFrame) -> pd.Series:
    """Return for each row whether its day is held out for evaluation."""
    return flights["day"] % HELD_OUT_EVERY == 0


def make(*, iterations: int, max_depth: int) -> "RegressorMixin":
    """Return an unfitted regression of the arrival delay, in minutes."""
    from sklearn.compose import make_column_transformer  # noqa: PLC0415 -- 1 s; runs only
    from sklearn.ensemble import HistGradientBoostingRegressor  # noqa: PLC0415
    from sklearn.pipeline import make_pipeline  # noqa: PLC0415
    from sklearn.preprocessing import OrdinalEncoder  # noqa: PLC0415

    codes = OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=-1)
    return make_pipeline(
        make_column_transformer((codes, PLACES), remainder="passthrough"),
        HistGradientBoostingRegressor(
            max_iter=iterations, max_depth=max_depth, early_stopping=False, random_state=0
        ),
    )


def measure(
    regression: "RegressorMixin", features: pd.DataFrame, delay: pd.Series
) -> dict[str, float]:
    """Return the errors on unseen flights: ``mae`` and ``rmse`` in minutes, and ``r2``."""
    from sklearn import metrics  # noqa: PLC0415

    predicted = regression.predict(features)
    return {
        "mae": float(metrics.mean_absolute_error(delay, predicted)),
        "rmse": float(metrics.root_mean_squared_error(delay, predicted)),
        "r2": float(metrics.r2_score(delay, predicted)),
    }
