"""The sensor that delivers events to webhooks without `pedigree serve`."""

import dagster as dg

from pedigree.dagster import RegistryResource, deliver

INTERVAL_S = 5


def delivery_sensor(interval_seconds: int = INTERVAL_S) -> dg.SensorDefinition:
    """Return the sensor; unlike the others it is off by default, since the service delivers."""

    @dg.sensor(
        name="delivery",
        minimum_interval_seconds=interval_seconds,
        default_status=dg.DefaultSensorStatus.STOPPED,
    )
    def delivery(
        context: dg.SensorEvaluationContext, registry: RegistryResource
    ) -> dg.SensorResult:
        """Deliver events to webhooks: switch it on if no `pedigree serve` runs."""
        return deliver(context, registry.connect())

    return delivery
