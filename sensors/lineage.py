"""The sensor that records usage and staleness of versions in the registry."""

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
        """Record the usage of versions, and the current state of their inputs."""
        return follow_lineage(context, registry.connect(), models)

    return lineage
