"""Everything that a code location needs in addition to its model assets.

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
from pedigree.dagster.assets.model_spec import MODEL_IO_MANAGER_KEY, ModelSpec, model_specs_of
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

TickBody = Callable[[dg.SensorEvaluationContext, Registry, Sequence[ModelSpec]], dg.SensorResult]


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

    The location defines the model assets itself. A model given only by name gets the stages of the
    default policy; exactly one location should do that. With sensors, call this once per location.

    Args:
        models: Model assets, plain assets that the model IO manager stores, or names of models
            that are trained elsewhere.
        registry: The registry; from the settings when None.
        checks: Whether to add the registry's checks of the model assets.
        blocking: Whether a failed check stops downstream assets in the same run.
        sources: Assets whose definitions may have datasheets, for the datasheet check.
        sensors: Whether to add the sensors for promotion, mirror, lineage and drift.
        interval_seconds: The interval between two ticks of a sensor.
        running: Whether the sensors start switched on.

    Raises:
        InvalidInputError: An asset is not a model asset, or a model occurs twice.
    """
    made = [(model, model_spec) for model in models for model_spec in model_specs_of(model)]
    model_specs = [model_spec for _, model_spec in made]
    documented = tuple(sources)
    _refuse_duplicates(model_specs)
    stages: list[dg.AssetsDefinition] = []
    jobs = []
    for model, model_spec in made:
        assets = _stages_of(model, model_spec)
        stages += assets
        jobs.append(_promotion_job(model_spec, assets))
        if _is_monitored(model_spec) and not isinstance(model, str):
            jobs.append(_retraining_job(model_spec))
    return dg.Definitions(
        assets=stages,
        asset_checks=_checks(model_specs, documented, blocking=blocking) if checks else [],
        jobs=jobs,
        sensors=_sensors(model_specs, jobs, interval_seconds, running=running) if sensors else [],
        resources=registry_resources(registry),
    )


def registry_resources(registry: RegistryResource | None = None, **manager: Any) -> dict[str, Any]:
    """Return the resources that model assets, stages and their consumers need.

    Args:
        registry: The registry; from the settings when None.
        manager: Fields of the :class:`ModelIOManager`.
    """
    registry = registry or RegistryResource()
    return {
        REGISTRY_KEY: registry,
        MODEL_IO_MANAGER_KEY: ModelIOManager(registry=registry, **manager),
    }


def _stages_of(
    model: dg.AssetsDefinition | str, model_spec: ModelSpec
) -> tuple[dg.AssetsDefinition, ...]:
    if isinstance(model, str):
        return stage_assets(model_spec)
    spec = model.specs_by_key[model_spec.key]
    return stage_assets(
        model_spec,
        partitions_def=model.partitions_def,
        group_name=spec.group_name,
        owners=list(spec.owners),
    )


def _checks(
    model_specs: Sequence[ModelSpec], sources: Sequence[Documented], *, blocking: bool
) -> list[dg.AssetChecksDefinition]:
    return [
        model_checks(model_spec, blocking=blocking, sources=sources) for model_spec in model_specs
    ] + [drift_check(model_spec) for model_spec in model_specs if _is_monitored(model_spec)]


def _is_monitored(model_spec: ModelSpec) -> bool:
    return model_spec.policy.drift is not None


def _retraining_job(model_spec: ModelSpec) -> Any:
    return dg.define_asset_job(
        retraining_job(model_spec),
        selection=dg.AssetSelection.assets(model_spec.key),
        description=f"Retrain {model_spec.name}. The drift sensor requests it if the policy says"
        " so",
    )


def _promotion_job(model_spec: ModelSpec, assets: Iterable[dg.AssetsDefinition]) -> Any:
    # In one process a promotion takes 5 s; with a process per step it takes 16 s.
    return dg.define_asset_job(
        promotion_job(model_spec),
        selection=dg.AssetSelection.assets(*assets).without_checks(),
        description=f"Promote a version of {model_spec.name}. The promotion sensor requests it",
        executor_def=dg.in_process_executor,
    )


def _sensors(
    model_specs: Sequence[ModelSpec], jobs: Sequence[Any], interval_seconds: int, *, running: bool
) -> list[dg.SensorDefinition]:
    def sensor(name: str, verb: TickBody, description: str, **target: Any) -> dg.SensorDefinition:
        def tick(
            context: dg.SensorEvaluationContext, registry: RegistryResource
        ) -> dg.SensorResult:
            return verb(context, registry.connect(), model_specs)

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

    if not model_specs:
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
            "Shows in the asset graph the changes that were made to models outside Dagster",
        ),
        sensor(
            "pedigree_lineage",
            follow_lineage,
            "Records in the registry what runs wrote with its versions",
        ),
        *_drift_sensor(model_specs, jobs, sensor),
    ]


def _drift_sensor(
    model_specs: Sequence[ModelSpec],
    jobs: Sequence[Any],
    sensor: Callable[..., dg.SensorDefinition],
) -> list[dg.SensorDefinition]:
    if not any(map(_is_monitored, model_specs)):
        return []
    description = "Reports drift on the monitored stage, and requests the actions of the policy"
    return [sensor("pedigree_drift", alert_drift, description, jobs=jobs)]


def _refuse_duplicates(model_specs: Sequence[ModelSpec]) -> None:
    names = [model_spec.name for model_spec in model_specs]
    for name in names:
        if names.count(name) > 1:
            raise InvalidInputError(
                "occurs twice, so its stages would be defined twice",
                field="models",
                value=name,
                remedy="Pass each model once",
            )
