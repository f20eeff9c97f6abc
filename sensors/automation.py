"""The sensor that materializes assets whose automation condition is met."""

import dagster as dg

INTERVAL_S = 15


def automation_sensor(
    interval_seconds: int = INTERVAL_S,
) -> dg.AutomationConditionSensorDefinition:
    """Return the sensor that evaluates every condition of this location."""
    return dg.AutomationConditionSensorDefinition(
        "automation",
        target=dg.AssetSelection.all(),
        default_status=dg.DefaultSensorStatus.RUNNING,
        minimum_interval_seconds=interval_seconds,
        description="Scores again when production or the data changes",
    )
