"""``customer_churn``: the model that says which customers will leave."""

import dagster as dg
import pandas as pd
from pydantic import Field

from pedigree.dagster import TrainedModel, model_asset
from pedigree.lifecycle.records import MetricRule
from registry_assets.customer_churn.customers import GROUP
from registry_assets.customer_churn.encoding import TARGET, features_of
from registry_assets.customer_churn.estimators import Estimator, make, measure

MODEL = "customer_churn"
OWNERS = ["team:retention"]


class ChurnTraining(dg.Config):
    """What to fit; a run's config chooses."""

    estimator: Estimator = Field(
        default="gradient_boosting", description="logistic or gradient_boosting"
    )
    iterations: int = Field(default=100, ge=1, description="Trees, or steps of the solver")
    max_depth: int = Field(default=3, ge=1, description="Of each tree")


@model_asset(
    name=MODEL,
    flavor="sklearn",
    champion_metric=MetricRule(metric="roc_auc", higher_is_better=True),
    group_name=GROUP,
    owners=OWNERS,
    description="The probability that a customer leaves, from contract, usage and calls.",
)
def customer_churn(
    config: ChurnTraining,
    churn_training_customers: pd.DataFrame,
    churn_test_customers: pd.DataFrame,
) -> TrainedModel:
    """Fit the estimator that the config names, and measure it on customers it has not seen."""
    training, test = features_of(churn_training_customers), features_of(churn_test_customers)
    classifier = make(
        config.estimator, iterations=config.iterations, max_depth=config.max_depth
    ).fit(training, churn_training_customers[TARGET])
    return TrainedModel(
        model=classifier,
        metrics=measure(classifier, test, churn_test_customers[TARGET]),
        params=config.model_dump(),
        sample=test.head(),
        evaluation_data="churn_test_customers",
        description="Whether a telephone company's customer will leave.",
        owners=OWNERS,
    )
