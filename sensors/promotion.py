"""The sensor that requests the promotions that the models' policies allow."""

from collections.abc import Sequence

import dagster as dg

from pedigree.dagster import RegistryResource, promote_due

# A tick without new events takes a third of a second; the default interval would be too slow.
INTERVAL_S = 15


def promotion_sensor(
    models: Sequence[dg.AssetsDefinition], interval_seconds: int = INTERVAL_S
) -> dg.SensorDefinition:
    """Return the sensor for the models of this location, whose stages it materializes."""

    @dg.sensor(
        name="promotion",
        asset_selection=dg.AssetSelection.all(),
        minimum_interval_seconds=interval_seconds,
        default_status=dg.DefaultSensorStatus.RUNNING,
    )
    def promotion(
        context: dg.SensorEvaluationContext, registry: RegistryResource
    ) -> dg.SensorResult:
        """The sensor that requests the promotions that the models' policies allow."""
        return promote_due(context, registry.connect(), models)

    return promotion
