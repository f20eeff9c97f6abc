"""``flight_delay``: the model that predicts how late a flight will arrive."""

import dagster as dg
import pandas as pd
from pydantic import Field

from pedigree.dagster import ModelInputs, TrainedModel, model_asset
from pedigree.lifecycle.policy import default_policy
from pedigree.lifecycle.records import MetricRule
from pedigree.monitoring.profile import profile
from pedigree.monitoring.records import DriftAction, DriftRule
from registry_assets.flight_delay.flights import GROUP, flights
from registry_assets.flight_delay.months import months_between
from registry_assets.flight_delay.regression import (
    HELD_OUT_NAME,
    PREDICTION,
    TARGET,
    answered,
    arrived,
    features_of,
    held_out,
    make,
    measure,
)

MODEL = "flight_delay"
OWNERS = ["team:operations"]


class DelayTraining(dg.Config):
    """The training months, and the estimator's parameters."""

    first_month: str = Field(default="2013-01", description="The first training month")
    last_month: str = Field(default="2013-06", description="The last training month")
    iterations: int = Field(default=100, ge=1, description="Trees")
    max_depth: int = Field(default=6, ge=1, description="Maximum depth of each tree")


@model_asset(
    name=MODEL,
    flavor="sklearn",
    policy=default_policy(
        MetricRule(metric="mae", higher_is_better=False, tolerance=0.5),
        drift=DriftRule(action=DriftAction.RETRAIN),
        checks=["datasheets_present"],
    ),
    deps=[flights],
    group_name=GROUP,
    owners=OWNERS,
    description="Minutes of delay on arrival, from facts known at departure.",
)
def flight_delay(inputs: ModelInputs, config: DelayTraining) -> TrainedModel:
    """Train on exactly the months of the config; whole days are held out for evaluation."""
    months = months_between(config.first_month, config.last_month)
    frames = inputs.read(flights, partitions=months, as_type=pd.DataFrame)
    known = arrived(pd.concat(frames.values(), ignore_index=True))
    kept = held_out(known)
    training, test = known[~kept], known[kept]
    regression = make(iterations=config.iterations, max_depth=config.max_depth).fit(
        features_of(training), training[TARGET]
    )
    return TrainedModel(
        model=regression,
        metrics=measure(regression, features_of(test), test[TARGET]),
        params=config.model_dump(),
        sample=features_of(test.head()),
        evaluation_data=f"{HELD_OUT_NAME}, {months[0]} to {months[-1]}",
        training_data_version=f"flights of {months[0]} to {months[-1]}",
        training_profile=profile(answered(regression, training), prediction=PREDICTION),
        description="How late a flight from New York will arrive, in minutes.",
        owners=OWNERS,
    )
