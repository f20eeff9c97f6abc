"""What this registry's Dagster loads: its assets, its sensors and its wiring, composed."""

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
    """Return the whole code location, wired in one of the ways of ``resources``."""
    registry = registry_definitions(
        *MODELS, registry=wiring.registry, sensors=False, sources=ASSETS
    )
    own = dg.Definitions(
        assets=ASSETS,
        asset_checks=CHECKS,
        sensors=[
            promotion_sensor(MODELS, jobs=registry.jobs or ()),
            mirror_sensor(MODELS),
            lineage_sensor(MODELS),
            drift_sensor(MODELS, jobs=registry.jobs or ()),
            delivery_sensor(),
            automation_sensor(),
        ],
        resources={"io_manager": wiring.data},
        # One process a run: a step in a process of its own costs more than most steps here.
        executor=dg.in_process_executor,
    )
    return with_lineage(dg.Definitions.merge(registry, own))


defs = compose(by_environment())
