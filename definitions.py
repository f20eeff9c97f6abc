"""The Dagster definitions of this registry: assets, sensors and wiring."""

import dagster as dg

from pedigree.dagster import registry_definitions, with_lineage
from registry_assets import ASSETS, CHECKS, MODELS
from resources import Wiring, by_environment
from sensors import (
    automation_sensor,
    delivery_sensor,
    drift_sensor,
    lineage_sensor,
    mirror_sensor,
    promotion_sensor,
)


def compose(wiring: Wiring) -> dg.Definitions:
    """Return the whole code location, with a wiring from ``resources``."""
    registry = registry_definitions(
        *MODELS, registry=wiring.registry, sensors=False, sources=ASSETS
    )
    own = dg.Definitions(
        assets=ASSETS,
        asset_checks=CHECKS,
        sensors=[
            promotion_sensor(MODELS),
            mirror_sensor(MODELS),
            lineage_sensor(MODELS),
            drift_sensor(MODELS),
            delivery_sensor(),
            automation_sensor(),
        ],
        resources={"io_manager": wiring.data},
        # One process per run: a separate process per step takes longer than most steps here.
        executor=dg.in_process_executor,
    )
    return with_lineage(dg.Definitions.merge(registry, own))


defs = compose(by_environment())
