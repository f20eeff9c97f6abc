"""Everything that a code location needs beside its model assets.

::

    defs = with_lineage(
        dg.Definitions.merge(
            dg.Definitions(assets=[customer_churn, ...]),
            registry_definitions(customer_churn),
        )
    )
"""

from collections.abc import Callable, Iterable, Sequence
from typing import Any

import dagster as dg

from pedigree.dagster.assets.datasheets import Documented
from pedigree.dagster.assets.model_spec import MODEL_IO_MANAGER_KEY, ModelLine, lines_of
from pedigree.dagster.assets.stages import stage_assets
from pedigree.dagster.assets.training_function import REGISTRY_KEY
from pedigree.dagster.checks.model_checks import model_checks
from pedigree.dagster.resources.io_manager import ModelIOManager
from pedigree.dagster.resources.registry import RegistryResource
from pedigree.dagster.sensors.drift_alerts import alert_drift, drift_check, retraining_job
from pedigree.dagster.sensors.mirror import mirror_changes
from pedigree.dagster.sensors.promotion import promote_due
from pedigree.dagster.sensors.targets import promotion_job
from pedigree.dagster.sensors.usage_and_staleness import follow_lineage
from pedigree.errors import InvalidInputError
from pedigree.registry import Registry

TickBody = Callable[[dg.SensorEvaluationContext, Registry, Sequence[ModelLine]], dg.SensorResult]


def registry_definitions(
    *models: dg.AssetsDefinition | str,
    registry: RegistryResource | None = None,
    checks: bool = True,
    blocking: bool = True,
    sources: Iterable[Documented] = (),
    sensors: bool = True,
    interval_seconds: int = 30,
    running: bool = True,
) -> dg.Definitions:
    """Return stages, checks, jobs, sensors and resources for the models of one code location.

    The model assets themselves are the location's own. A model given by its name alone gets the
    default policy's stages; exactly one location should do that.

    Args:
        models: Model assets, plain assets that the model IO manager stores, or names of models
            that are trained elsewhere.
        registry: The registry; by the settings when None.
        checks: With the registry's checks of the model assets.
        blocking: A failed check stops what follows in the same run.
        sources: Assets whose definitions may carry datasheets, for the check of datasheets.
        sensors: With the sensors for promotion, mirror and lineage; call this once a location.
        interval_seconds: How often the sensors look.
        running: The sensors run from the start, and need not be switched on.

    Raises:
        InvalidInputError: An asset is no model asset, or a model is given twice.
    """
    made = [(model, line) for model in models for line in lines_of(model)]
    lines = [line for _, line in made]
    documented = tuple(sources)
    _refuse_twins(lines)
    stages: list[dg.AssetsDefinition] = []
    jobs = []
    for model, line in made:
        assets = _stages_of(model, line)
        stages += assets
        jobs.append(_promotion_job(line, assets))
        if _is_watched(line) and not isinstance(model, str):
            jobs.append(_retraining_job(line))
    return dg.Definitions(
        assets=stages,
        asset_checks=_checks(lines, documented, blocking=blocking) if checks else [],
        jobs=jobs,
        sensors=_sensors(lines, jobs, interval_seconds, running=running) if sensors else [],
        resources=registry_resources(registry),
    )


def registry_resources(registry: RegistryResource | None = None, **manager: Any) -> dict[str, Any]:
    """Return the resources that model assets, stages and their consumers need.

    Args:
        registry: The registry; by the settings when None.
        manager: Fields of the :class:`ModelIOManager`.
    """
    registry = registry or RegistryResource()
    return {
        REGISTRY_KEY: registry,
        MODEL_IO_MANAGER_KEY: ModelIOManager(registry=registry, **manager),
    }


def _stages_of(
    model: dg.AssetsDefinition | str, line: ModelLine
) -> tuple[dg.AssetsDefinition, ...]:
    if isinstance(model, str):
        return stage_assets(line)
    spec = model.specs_by_key[line.key]
    return stage_assets(
        line,
        partitions_def=model.partitions_def,
        group_name=spec.group_name,
        owners=list(spec.owners),
    )


def _checks(
    lines: Sequence[ModelLine], sources: Sequence[Documented], *, blocking: bool
) -> list[dg.AssetChecksDefinition]:
    return [model_checks(line, blocking=blocking, sources=sources) for line in lines] + [
        drift_check(line) for line in lines if _is_watched(line)
    ]


def _is_watched(line: ModelLine) -> bool:
    return line.policy.drift is not None


def _retraining_job(line: ModelLine) -> Any:
    return dg.define_asset_job(
        retraining_job(line),
        selection=dg.AssetSelection.assets(line.key),
        description=f"Train {line.name} again: the drift sensor asks for it, where the policy says",
    )


def _promotion_job(line: ModelLine, assets: Iterable[dg.AssetsDefinition]) -> Any:
    # In one process: 5 s a promotion against 16 s with a process a step.
    return dg.define_asset_job(
        promotion_job(line),
        selection=dg.AssetSelection.assets(*assets).without_checks(),
        description=f"Promote a version of {line.name}: the promotion sensor asks for it",
        executor_def=dg.in_process_executor,
    )


def _sensors(
    lines: Sequence[ModelLine], jobs: Sequence[Any], interval_seconds: int, *, running: bool
) -> list[dg.SensorDefinition]:
    def sensor(name: str, verb: TickBody, description: str, **target: Any) -> dg.SensorDefinition:
        def tick(
            context: dg.SensorEvaluationContext, registry: RegistryResource
        ) -> dg.SensorResult:
            return verb(context, registry.connect(), lines)

        return dg.SensorDefinition(
            name=name,
            evaluation_fn=tick,
            description=description,
            minimum_interval_seconds=interval_seconds,
            default_status=dg.DefaultSensorStatus.RUNNING
            if running
            else dg.DefaultSensorStatus.STOPPED,
            **target,
        )

    if not lines:
        return []
    return [
        sensor(
            "pedigree_promotion",
            promote_due,
            "Requests the promotions that the models' policies allow",
            jobs=jobs,
        ),
        sensor(
            "pedigree_mirror",
            mirror_changes,
            "Shows in the asset graph what was done to models outside Dagster",
        ),
        sensor(
            "pedigree_lineage",
            follow_lineage,
            "Keeps in the registry what runs wrote with its versions",
        ),
        *_drift_sensor(lines, jobs, sensor),
    ]


def _drift_sensor(
    lines: Sequence[ModelLine], jobs: Sequence[Any], sensor: Callable[..., dg.SensorDefinition]
) -> list[dg.SensorDefinition]:
    if not any(map(_is_watched, lines)):
        return []
    description = "Tells of drift on the stage that is watched, and asks for what the policy says"
    return [sensor("pedigree_drift", alert_drift, description, jobs=jobs)]


def _refuse_twins(lines: Sequence[ModelLine]) -> None:
    names = [line.name for line in lines]
    for name in names:
        if names.count(name) > 1:
            raise InvalidInputError(
                "is given twice, and its stages would be too",
                field="models",
                value=name,
                remedy="Give each model once",
            )
