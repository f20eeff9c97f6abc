"""The scores of all customers by the version in production."""

from typing import Any

import dagster as dg
import pandas as pd

from pedigree.catalog.records import ModelVersion
from pedigree.dagster import (
    RegistryResource,
    content_version,
    promotion_condition,
    stage_key,
)
from registry_assets.customer_churn.customers import GROUP
from registry_assets.customer_churn.encoding import CUSTOMER, features_of
from registry_assets.customer_churn.model import MODEL, PREDICTION

PRODUCTION = stage_key(MODEL, "production")


@dg.asset(
    group_name=GROUP,
    kinds={"pandas"},
    ins={"production": dg.AssetIn(PRODUCTION)},
    automation_condition=promotion_condition(),
)
def churn_scores(
    production: ModelVersion, customer_features: pd.DataFrame, registry: RegistryResource
) -> dg.MaterializeResult[pd.DataFrame]:
    """Each customer's probability of leaving; updated when production or a feature changes."""
    classifier: Any = registry.connect().load(production.reference)
    probability = classifier.predict_proba(features_of(customer_features))[:, 1]
    scores = pd.DataFrame({CUSTOMER: customer_features[CUSTOMER], PREDICTION: probability})
    return dg.MaterializeResult(
        value=scores,
        data_version=content_version(scores),
        metadata={
            "model": production.reference,
            "digest": production.digest,
            "dagster/row_count": len(scores),
            "expected_to_leave": int((probability > 0.5).sum()),
            "mean_probability": float(probability.mean()),
        },
    )
