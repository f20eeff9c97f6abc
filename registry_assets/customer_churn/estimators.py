"""The estimators for a run's config, and their metrics."""

from typing import TYPE_CHECKING, Literal, TypeAlias

import pandas as pd

if TYPE_CHECKING:
    from sklearn.base import ClassifierMixin

Estimator: TypeAlias = Literal["logistic", "gradient_boosting"]


def make(estimator: Estimator, *, iterations: int, max_depth: int) -> "ClassifierMixin":
    """Return an unfitted classifier with a deterministic fit.

    Args:
        estimator: ``logistic`` is a scaled logistic regression, and ignores the depth.
        iterations: Number of trees, or maximum steps of the regression's solver.
        max_depth: The depth of each tree.
    """
    from sklearn.ensemble import HistGradientBoostingClassifier  # noqa: PLC0415 -- 1 s; runs only
    from sklearn.linear_model import LogisticRegression  # noqa: PLC0415
    from sklearn.pipeline import make_pipeline  # noqa: PLC0415
    from sklearn.preprocessing import StandardScaler  # noqa: PLC0415

    if estimator == "logistic":
        return make_pipeline(StandardScaler(), LogisticRegression(max_iter=iterations))
    return HistGradientBoostingClassifier(
        max_iter=iterations, max_depth=max_depth, early_stopping=False, random_state=0
    )


def measure(
    classifier: "ClassifierMixin", features: pd.DataFrame, target: pd.Series
) -> dict[str, float]:
    """Return the classifier's metrics on unseen rows; all are in 0 … 1."""
    from sklearn import metrics  # noqa: PLC0415

    probability = classifier.predict_proba(features)[:, 1]
    return {
        "roc_auc": float(metrics.roc_auc_score(target, probability)),
        "average_precision": float(metrics.average_precision_score(target, probability)),
        "accuracy": float(metrics.accuracy_score(target, probability > 0.5)),
        "brier": float(metrics.brier_score_loss(target, probability)),
    }
