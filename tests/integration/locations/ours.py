"""A code location composed as this project's own: its churn pipeline, its sensors, its wiring.

Beside it a model that trains until it is told to stop, for the tests that kill servers meanwhile.
"""

import time
from pathlib import Path

import dagster as dg

from pedigree.dagster import TrainedModel, model_asset, registry_definitions
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
from sensors import automation_sensor, mirror_sensor, promotion_sensor

INTERVAL_S = 2  # the daemon itself looks every 5 s
LONGEST_S = 150.0
LEVEL = Column(name="level", type=ColumnType.DOUBLE)


class LongTraining(dg.Config):
    """How a test and the training tell each other."""

    folder: str


@model_asset(name="long_training", flavor="generic")
def long_training(context: dg.AssetExecutionContext, config: LongTraining) -> TrainedModel:
    """Write a line to the log over and over, and count them, until the file `enough` appears."""
    folder = Path(config.folder)
    deadline = time.monotonic() + LONGEST_S
    rounds = 0
    while not (folder / "enough").exists():
        if time.monotonic() > deadline:
            raise TimeoutError(f"nobody ended the training within {LONGEST_S:.0f} s")
        rounds += 1
        context.log.info(f"round {rounds}")
        (folder / "rounds").write_text(str(rounds))
        time.sleep(0.2)
    (folder / "weights").write_text("trained")
    return TrainedModel(
        path=folder / "weights", signature=Signature(inputs=(LEVEL,), outputs=(LEVEL,))
    )


MODELS = (customer_churn, long_training)


def compose() -> dg.Definitions:
    wiring = by_environment()
    registry = registry_definitions(
        *MODELS, registry=wiring.registry, sensors=False, sources=[customers]
    )
    own = dg.Definitions(
        assets=[customers, customer_features, churn_split, *MODELS, churn_scores],
        asset_checks=[training_expectations],
        sensors=[
            promotion_sensor(MODELS, registry.jobs or (), INTERVAL_S),
            mirror_sensor(MODELS, INTERVAL_S),
            automation_sensor(INTERVAL_S),
        ],
        resources={"io_manager": wiring.data},
        executor=dg.in_process_executor,
    )
    return dg.Definitions.merge(registry, own)


defs = compose()
