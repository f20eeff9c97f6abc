"""The sensors of this deployment, which run from the start of `make up`."""

from sensors.automation import automation_sensor
from sensors.delivery import delivery_sensor
from sensors.drift import drift_sensor
from sensors.lineage import lineage_sensor
from sensors.mirror import mirror_sensor
from sensors.promotion import promotion_sensor

__all__ = [
    "automation_sensor",
    "delivery_sensor",
    "drift_sensor",
    "lineage_sensor",
    "mirror_sensor",
    "promotion_sensor",
]
