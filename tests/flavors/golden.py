"""Golden models; as a program, this module trains them and prints the digest of each saved model.

``python golden.py FOLDER`` writes ``FOLDER/<name>/model.skops`` too. Two runs must agree.
"""

import hashlib
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from sklearn.compose import ColumnTransformer, make_column_selector, make_column_transformer
from sklearn.datasets import make_classification
from sklearn.ensemble import (
    GradientBoostingClassifier,
    HistGradientBoostingClassifier,
    IsolationForest,
    RandomForestClassifier,
)
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import FunctionTransformer, OneHotEncoder, StandardScaler
from sklearn.tree import DecisionTreeClassifier

from pedigree.flavors.sklearn import SklearnFlavor

NUMBERS = ["tenure", "spend", "calls"]
WORDS = ["plan", "state"]


def customers() -> tuple[pd.DataFrame, "np.ndarray[Any, Any]"]:
    """A table of numbers with missing values and of words, and the target."""
    numbers, churned = make_classification(
        400, len(NUMBERS), n_informative=3, n_redundant=0, random_state=0
    )
    frame = pd.DataFrame(numbers, columns=NUMBERS)
    frame["plan"] = np.where(frame["tenure"] > 0, "gold", "basic")
    in_ohio = (churned == 1) ^ (np.arange(len(frame)) % 5 == 0)  # so that trees split by it
    frame["state"] = pd.Categorical(np.where(in_ohio, "Ohio", "Utah"))
    frame.loc[3, "spend"] = np.nan
    return frame, churned


def prepared() -> ColumnTransformer:
    """Typical preprocessing of mixed columns."""
    numbers = make_pipeline(SimpleImputer(), StandardScaler())
    return ColumnTransformer(
        [("numbers", numbers, NUMBERS), ("words", OneHotEncoder(handle_unknown="ignore"), WORDS)]
    )


def hist_gradient_boosting() -> object:
    frame, churned = customers()
    return HistGradientBoostingClassifier(max_iter=8, random_state=0).fit(frame[NUMBERS], churned)


def boosting_of_categories() -> object:
    frame, churned = customers()
    model = HistGradientBoostingClassifier(
        max_iter=8,
        categorical_features="from_dtype",
        early_stopping=True,
        interaction_cst=[{0, 1, 2}, {3, 4}],
        random_state=0,
    )
    return model.fit(frame.astype({"plan": "category"}), np.where(churned, "yes", "no"))


def gradient_boosting() -> object:
    frame, churned = customers()
    return GradientBoostingClassifier(n_estimators=8, random_state=0).fit(
        frame[["tenure", "calls"]], churned
    )


def random_forest() -> object:
    frame, churned = customers()
    return RandomForestClassifier(8, n_jobs=2, random_state=0).fit(frame[NUMBERS], churned)


def decision_tree() -> object:
    frame, churned = customers()
    return DecisionTreeClassifier(random_state=0).fit(frame[NUMBERS], churned)


def isolation_forest() -> object:
    frame, _ = customers()
    model = IsolationForest(n_estimators=5, max_features=2, random_state=0)
    return model.fit(frame[["tenure", "calls"]])


def logistic_regression() -> object:
    frame, churned = customers()
    return LogisticRegression().fit(frame[["tenure", "calls"]], churned)


def pipeline_of_boosting() -> object:
    frame, churned = customers()
    model = HistGradientBoostingClassifier(max_iter=8, random_state=0)
    return Pipeline([("prepare", prepared()), ("model", model)]).fit(frame, churned)


def pipeline_of_regression() -> object:
    frame, churned = customers()
    return Pipeline([("prepare", prepared()), ("model", LogisticRegression())]).fit(frame, churned)


def pipeline_by_selectors() -> object:
    frame, churned = customers()
    columns = make_column_transformer(
        (FunctionTransformer(np.abs), make_column_selector(dtype_include=np.number)),
        (OneHotEncoder(), make_column_selector(dtype_exclude=np.number)),
    )
    return make_pipeline(columns, SimpleImputer(), LogisticRegression()).fit(frame, churned)


def text_with_sets() -> object:
    model = make_pipeline(TfidfVectorizer(), LogisticRegression())
    model.fit(["the good", "a bad", "good and good", "bad of bad"] * 5, [1, 0, 1, 0] * 5)
    # Sets, above all of strings, have another order in each process.
    model.stop_words_ = {"the", "a", "and", "of", "to"}
    model.letters_ = frozenset({"x", "y", "z", "zz"})
    return model


GOLDEN: dict[str, Callable[[], object]] = {
    train.__name__: train
    for train in (
        hist_gradient_boosting,
        boosting_of_categories,
        gradient_boosting,
        random_forest,
        decision_tree,
        isolation_forest,
        logistic_regression,
        pipeline_of_boosting,
        pipeline_of_regression,
        pipeline_by_selectors,
        text_with_sets,
    )
}


def train_all(folder: Path) -> None:
    for name, train in GOLDEN.items():
        target = folder / name
        target.mkdir(parents=True)
        SklearnFlavor().save(train(), target)
        stored = (target / "model.skops").read_bytes()
        sys.stdout.write(f"{name} {hashlib.sha256(stored).hexdigest()}\n")


if __name__ == "__main__":
    train_all(Path(sys.argv[1]))
    if "torch" in sys.modules:
        sys.stderr.write("torch\n")
