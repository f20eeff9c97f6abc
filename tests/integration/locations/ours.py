"""A code location with this project's own churn pipeline, sensors and wiring.

It also has a model that trains until it is stopped, for tests that kill servers during a training,
and its inputs by site, which have drifted.
"""

import tempfile
import time
from pathlib import Path

import dagster as dg
import pandas as pd

from pedigree.catalog.records import ModelVersion
from pedigree.dagster import (
    TrainedModel,
    drift_asset,
    model_asset,
    registry_definitions,
    stage_key,
)
from pedigree.lifecycle.policy import default_policy
from pedigree.monitoring.profile import profile
from pedigree.monitoring.records import DriftAction, DriftRule
from pedigree.signatures.records import Column, ColumnType, Signature
from registry_assets import (
    churn_scores,
    churn_split,
    customer_churn,
    customer_features,
    customers,
    training_expectations,
)
from resources import by_environment
from sensors import (
    automation_sensor,
    drift_sensor,
    lineage_sensor,
    mirror_sensor,
    promotion_sensor,
)

INTERVAL_S = 2  # the daemon itself evaluates every 5 s
LONGEST_S = 150.0
LEVEL = Column(name="level", type=ColumnType.DOUBLE)
POLICY = default_policy(drift=DriftRule(action=DriftAction.RETRAIN))
SITES = dg.StaticPartitionsDefinition(["north", "south"])


def levels(lowest: int) -> pd.DataFrame:
    return pd.DataFrame({"level": [float(lowest + number) for number in range(500)]})


class LongTraining(dg.Config):
    """The folder through which a test controls the training; without one it ends at once."""

    folder: str | None = None


@model_asset(name="long_training", flavor="generic", policy=POLICY)
def long_training(context: dg.AssetExecutionContext, config: LongTraining) -> TrainedModel:
    folder = Path(config.folder or tempfile.mkdtemp())
    if config.folder:
        await_the_end(context, folder)
    (folder / "weights").write_text("trained")
    return TrainedModel(
        path=folder / "weights",
        signature=Signature(inputs=(LEVEL,), outputs=(LEVEL,)),
        training_profile=profile(levels(0)),
    )


def await_the_end(context: dg.AssetExecutionContext, folder: Path) -> None:
    """Write and count log lines until the file `enough` appears."""
    deadline = time.monotonic() + LONGEST_S
    rounds = 0
    while not (folder / "enough").exists():
        if time.monotonic() > deadline:
            raise TimeoutError(f"nobody ended the training within {LONGEST_S:.0f} s")
        rounds += 1
        context.log.info(f"round {rounds}")
        (folder / "rounds").write_text(str(rounds))
        time.sleep(0.2)


@dg.asset(ins={"model": dg.AssetIn(stage_key("long_training", "production"))}, partitions_def=SITES)
def readings(model: ModelVersion) -> pd.DataFrame:
    return levels(300).assign(by=model.reference)


@drift_asset(model=long_training, serving=readings)
def readings_drift(readings: pd.DataFrame) -> pd.DataFrame:
    return readings[["level"]]


MODELS = (customer_churn, long_training)


def compose() -> dg.Definitions:
    wiring = by_environment()
    registry = registry_definitions(
        *MODELS, registry=wiring.registry, sensors=False, sources=[customers]
    )
    own = dg.Definitions(
        assets=[
            customers,
            customer_features,
            churn_split,
            *MODELS,
            churn_scores,
            readings,
            readings_drift,
        ],
        asset_checks=[training_expectations],
        sensors=[
            promotion_sensor(MODELS, INTERVAL_S),
            mirror_sensor(MODELS, INTERVAL_S),
            lineage_sensor(MODELS, INTERVAL_S),
            drift_sensor(MODELS, INTERVAL_S),
            automation_sensor(INTERVAL_S),
        ],
        resources={"io_manager": wiring.data},
        executor=dg.in_process_executor,
    )
    return dg.Definitions.merge(registry, own)


defs = compose()
