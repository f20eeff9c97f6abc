"""What this registry's Dagster loads: its assets, its sensors and its wiring, composed."""

import dagster as dg

from pedigree.dagster import registry_definitions
from registry_assets import ASSETS, CHECKS, MODELS
from resources import by_environment
from sensors import automation_sensor, mirror_sensor, promotion_sensor

wiring = by_environment()
registry = registry_definitions(*MODELS, registry=wiring.registry, sensors=False)

defs = dg.Definitions.merge(
    registry,
    dg.Definitions(
        assets=ASSETS,
        asset_checks=CHECKS,
        sensors=[
            promotion_sensor(MODELS, jobs=registry.jobs or ()),
            mirror_sensor(MODELS),
            automation_sensor(),
        ],
        resources={"io_manager": wiring.data},
        # One process a run: a step in a process of its own costs more than most steps here.
        executor=dg.in_process_executor,
    ),
)
