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
from functools import cache

import dagster as dg

from pedigree.dagster.assets.datasheets import Documented
from pedigree.dagster.assets.model_spec import ModelSpec, model_specs_of
from pedigree.dagster.assets.stages import stage_assets
from pedigree.dagster.checks.model_checks import model_checks
from pedigree.dagster.resources.registry import RegistryResource
from pedigree.dagster.resources.shared import shared_resources
from pedigree.dagster.sensors.drift_alerts import alert_drift, drift_check
from pedigree.dagster.sensors.mirror import mirror_changes
from pedigree.dagster.sensors.promotion import promote_due
from pedigree.dagster.sensors.usage_and_staleness import follow_lineage
from pedigree.errors import InvalidInputError
from pedigree.registry import Registry

TickBody = Callable[[dg.SensorEvaluationContext, Registry], dg.SensorResult]


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
    """Return stages, checks, sensors and resources for models of one code location.

    The location defines the model assets itself. A model given only by name gets the stages of the
    default policy; exactly one location should do that. ``dg.Definitions.merge`` takes several
    calls: their sensors and resources are the same objects, and the sensors find the models of all
    of them. Merging calls with another registry, interval or ``running`` raises an error.

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
    stages = [asset for model, model_spec in made for asset in _stages_of(model, model_spec)]
    ticks, found = None, []
    if sensors and model_specs:
        ticks = f"interval_seconds={interval_seconds}, running={running}"
        drift = any(map(_is_monitored, model_specs))
        found = _sensors(interval_seconds, running=running, drift=drift)
    return dg.Definitions(
        assets=stages,
        asset_checks=_checks(model_specs, documented, blocking=blocking) if checks else [],
        sensors=found,
        resources=shared_resources(registry, ticks=ticks),
    )


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


@cache
def _sensor(
    name: str, verb: TickBody, description: str, interval_seconds: int, *, running: bool
) -> dg.SensorDefinition:
    """Return a sensor, the same for equal arguments: Dagster merges equal objects."""

    def tick(context: dg.SensorEvaluationContext, registry: RegistryResource) -> dg.SensorResult:
        return verb(context, registry.connect())

    return dg.SensorDefinition(
        name=name,
        evaluation_fn=tick,
        description=description,
        minimum_interval_seconds=interval_seconds,
        default_status=dg.DefaultSensorStatus.RUNNING
        if running
        else dg.DefaultSensorStatus.STOPPED,
        # What a tick requests follows from the repository, which has the models of all calls.
        asset_selection=dg.AssetSelection.all(),
    )


def _sensors(interval_seconds: int, *, running: bool, drift: bool) -> list[dg.SensorDefinition]:
    found: list[tuple[str, TickBody, str]] = [
        (
            "pedigree_promotion",
            promote_due,
            "Requests the promotions that the models' policies allow",
        ),
        (
            "pedigree_mirror",
            mirror_changes,
            "Shows in the asset graph the changes that were made to models outside Dagster",
        ),
        (
            "pedigree_lineage",
            follow_lineage,
            "Records in the registry what runs wrote with its versions",
        ),
    ]
    if drift:
        description = "Reports drift on the monitored stage, and requests the actions of the policy"
        found.append(("pedigree_drift", alert_drift, description))
    return [_sensor(*each, interval_seconds, running=running) for each in found]


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
