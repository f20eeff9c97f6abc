"""The sensor that requests the promotions that the models' policies allow."""

from collections.abc import Iterable, Sequence
from typing import Any

import dagster as dg

from pedigree.dagster import RegistryResource, promote_due

# A tick without new events takes a third of a second; the default interval would be too slow.
INTERVAL_S = 15


def promotion_sensor(
    models: Sequence[dg.AssetsDefinition],
    jobs: Iterable[Any],
    interval_seconds: int = INTERVAL_S,
) -> dg.SensorDefinition:
    """Return the sensor for the models of this location, whose stages the jobs materialize."""

    @dg.sensor(
        name="promotion",
        jobs=list(jobs),
        minimum_interval_seconds=interval_seconds,
        default_status=dg.DefaultSensorStatus.RUNNING,
    )
    def promotion(
        context: dg.SensorEvaluationContext, registry: RegistryResource
    ) -> dg.SensorResult:
        """The sensor that requests the promotions that the models' policies allow."""
        return promote_due(context, registry.connect(), models)

    return promotion
