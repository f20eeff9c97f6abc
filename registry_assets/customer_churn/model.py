"""``customer_churn``: the model that predicts which customers will leave."""

import dagster as dg
import pandas as pd
from pydantic import Field

from pedigree.cards.records import CardNotes
from pedigree.dagster import TrainedModel, model_asset
from pedigree.evaluation.measure import evaluate
from pedigree.lifecycle.policy import default_policy
from pedigree.lifecycle.records import CheckRule, MetricRule, Severity
from pedigree.monitoring.profile import profile
from registry_assets.customer_churn.customers import GROUP
from registry_assets.customer_churn.encoding import AREA, TARGET, features_of, groups_of
from registry_assets.customer_churn.estimators import Estimator, make, measure

MODEL = "customer_churn"
OWNERS = ["team:retention"]
PREDICTION = "probability"
# Above this probability a customer counts as leaving.
DECISION = 0.5


class ChurnTraining(dg.Config):
    """The config of a training."""

    estimator: Estimator = Field(
        default="gradient_boosting", description="logistic or gradient_boosting"
    )
    iterations: int = Field(
        default=100, ge=1, description="Number of trees, or steps of the solver"
    )
    max_depth: int = Field(default=3, ge=1, description="Maximum depth of each tree")


POLICY = default_policy(
    MetricRule(metric="roc_auc", higher_is_better=True),
    checks=[
        CheckRule(
            name="training_data_expectations", settings={"assets": ["churn_training_customers"]}
        ),
        CheckRule(name="datasheets_present"),
        CheckRule(name="artifact_scan"),
        CheckRule(
            name="slice_metrics",
            settings={"metric": "roc_auc", "slices": [AREA], "at_least": 0.6},
        ),
        CheckRule(
            name="fairness",
            settings={
                "slices": [AREA],
                "demographic_parity_difference": 0.1,
                "equalized_odds_difference": 0.25,
            },
        ),
        CheckRule(name="card_complete", severity=Severity.WARN, settings={"percent": 60}),
    ],
)

NOTES = CardNotes(
    model_type="Boosted trees, or a logistic regression, as the run's config says",
    developed_by="Pedigree's demo",
    algorithm="scikit-learn, with a fixed seed, on every column but the state.",
    license="apache-2.0",
    contact="Open an issue in Pedigree's repository",
    task="tabular-classification",
    primary_uses="To demonstrate a registry: which customers should be called before they leave?",
    primary_users="People who evaluate Pedigree",
    out_of_scope_uses="To price, refuse or call a real customer.",
    relevant_factors="Where the customers live; the data has no other facts about people.",
    evaluation_factors="The area codes, since service may differ between them.",
    performance_measures="The area under the ROC curve: the scores rank customers to call.",
    decision_thresholds="A customer counts as leaving above a probability of one half.",
    evaluation_datasets="Customers that were held out before the training, 30 %.",
    training_datasets="The other customers, after they passed Great Expectations.",
    sensitive_data="Only the place.",
    human_life="No.",
    risks_and_harms="None, as long as it is only a demonstration.",
    caveats="The data only resembles a company's records, so its figures describe no real company.",
)


@model_asset(
    name=MODEL,
    flavor="sklearn",
    policy=POLICY,
    group_name=GROUP,
    owners=OWNERS,
    description="The probability that a customer leaves, from contract, usage and calls.",
)
def customer_churn(
    config: ChurnTraining,
    churn_training_customers: pd.DataFrame,
    churn_test_customers: pd.DataFrame,
) -> TrainedModel:
    """Fit the configured estimator, and measure it on unseen customers."""
    training, test = features_of(churn_training_customers), features_of(churn_test_customers)
    classifier = make(
        config.estimator, iterations=config.iterations, max_depth=config.max_depth
    ).fit(training, churn_training_customers[TARGET])
    target = churn_test_customers[TARGET]
    probability = classifier.predict_proba(test)[:, 1]
    return TrainedModel(
        model=classifier,
        metrics=measure(classifier, test, target),
        evaluation=evaluate(
            target,
            probability > DECISION,
            groups_of(churn_test_customers),
            scores=probability,
            data="churn_test_customers",
        ),
        notes=NOTES,
        params=config.model_dump(),
        training_profile=profile(
            training.assign(**{PREDICTION: classifier.predict_proba(training)[:, 1]}),
            prediction=PREDICTION,
        ),
        sample=test.head(),
        evaluation_data="churn_test_customers",
        description="Whether a telephone company's customer will leave.",
        owners=OWNERS,
    )
