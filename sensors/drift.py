"""The sensor that reports drift, and retrains on the months up to the drifted one."""

from collections.abc import Mapping, Sequence
from typing import Any

import dagster as dg

from pedigree.dagster import RegistryResource, alert_drift
from pedigree.dagster.assets.names import slug
from pedigree.monitoring.records import RecordedDrift

# Drift is measured monthly, so a long interval suffices.
INTERVAL_S = 60


def drift_sensor(
    models: Sequence[dg.AssetsDefinition], interval_seconds: int = INTERVAL_S
) -> dg.SensorDefinition:
    """Return the sensor for the models of this location, which it retrains or demotes."""

    @dg.sensor(
        name="drift",
        asset_selection=dg.AssetSelection.all(),
        minimum_interval_seconds=interval_seconds,
        default_status=dg.DefaultSensorStatus.RUNNING,
    )
    def drift(context: dg.SensorEvaluationContext, registry: RegistryResource) -> dg.SensorResult:
        """Report drift as a check of the stage, and request the actions of the models' policies."""
        return alert_drift(context, registry.connect(), models, retraining)

    return drift


def retraining(found: RecordedDrift) -> Mapping[str, Any] | None:
    """Return the config of a retraining, which includes the drifted month."""
    model = found.reference.rpartition("/")[0]
    if model != "flight_delay" or found.partition is None:
        return None
    return {"ops": {slug(model): {"config": {"last_month": found.partition}}}}
