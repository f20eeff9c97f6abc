"""Keep in the registry what runs wrote with its versions, and how far those are behind."""

from collections.abc import Sequence

import dagster as dg

from pedigree.dagster import RegistryResource, follow_lineage

INTERVAL_S = 30


def lineage_sensor(
    models: Sequence[dg.AssetsDefinition], interval_seconds: int = INTERVAL_S
) -> dg.SensorDefinition:
    """Return the sensor for the models of this location."""

    @dg.sensor(
        name="lineage",
        minimum_interval_seconds=interval_seconds,
        default_status=dg.DefaultSensorStatus.RUNNING,
    )
    def lineage(context: dg.SensorEvaluationContext, registry: RegistryResource) -> dg.SensorResult:
        """Find what was written with versions, and what their inputs have become."""
        return follow_lineage(context, registry.connect(), models)

    return lineage
