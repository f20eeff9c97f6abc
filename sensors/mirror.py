"""The sensor that shows changes outside Dagster in the asset graph."""

from collections.abc import Sequence

import dagster as dg

from pedigree.dagster import RegistryResource, mirror_changes

INTERVAL_S = 15


def mirror_sensor(
    models: Sequence[dg.AssetsDefinition], interval_seconds: int = INTERVAL_S
) -> dg.SensorDefinition:
    """Return the sensor for the models of this location."""

    @dg.sensor(
        name="mirror",
        asset_selection=dg.AssetSelection.all(),
        minimum_interval_seconds=interval_seconds,
        default_status=dg.DefaultSensorStatus.RUNNING,
    )
    def mirror(context: dg.SensorEvaluationContext, registry: RegistryResource) -> dg.SensorResult:
        """Report changes made to models elsewhere, and judge versions that wait for checks."""
        return mirror_changes(context, registry.connect(), models)

    return mirror
