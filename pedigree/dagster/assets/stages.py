"""Stages as assets: ``models/customer_churn/production``.

Materializing one with ``version`` in its config promotes that version through the registry, or
rolls back; without one it only says again what the registry says, so "materialize all" never
promotes anything.
"""

from collections.abc import Iterator
from typing import Any

import dagster as dg
from dagster import AssetOut
from pydantic import Field

from pedigree.access.reserved import DRIFT_SENSOR, PROMOTION_SENSOR, claimed
from pedigree.audit.records import Actor
from pedigree.catalog.records import ModelVersion
from pedigree.dagster import metadata_keys
from pedigree.dagster.assets.materialization_metadata import describe
from pedigree.dagster.assets.model_spec import MODEL_IO_MANAGER_KEY, ModelLine
from pedigree.dagster.assets.names import kind_of, slug
from pedigree.dagster.capture.run_provenance import RunProvenance, provenance_of
from pedigree.dagster.resources.registry import RegistryResource
from pedigree.dagster.sensors.stage_sources import (
    CODE_VERSION,
    StageHolding,
    held_before,
    reads_of_stage,
    source_tags,
)
from pedigree.errors import (
    GateNotPassedError,
    GenerationConflictError,
    InvalidInputError,
    ModelNotFoundError,
)
from pedigree.lifecycle.records import Move
from pedigree.registry import Registry
from pedigree.settings import Settings

_TAG = 300


class StageConfig(dg.Config):
    """What a materialization of a stage is asked to do; nothing, unless a version is named."""

    version: int | None = Field(default=None, description="The version to promote")
    rollback: bool = Field(default=False, description="Return to the previous holder instead")
    reason: str | None = Field(default=None, description="Why, for the timeline")
    expected_generation: int | None = Field(
        default=None,
        description="The model's generation that the asker saw; it refuses if that has moved on",
    )
    automatic: bool = Field(
        default=False,
        description="The sensor asks, no person: it is judged as the sensor is, and moved by it",
    )
    actor: str | None = Field(
        default=None, description="Who asks. Dagster knows no identities, so this is only a claim"
    )


def stage_assets(
    line: ModelLine,
    *,
    partitions_def: dg.PartitionsDefinition[str] | None = None,
    group_name: str | None = None,
    owners: list[str] | None = None,
) -> tuple[dg.AssetsDefinition, ...]:
    """Return the assets of a model's stages, in the order of its policy."""
    return tuple(
        _stage_asset(line, stage, partitions_def, group_name, owners) for stage in line.stages
    )


def stage_op(line: ModelLine, stage: str) -> str:
    """Return the name of a stage asset's op, by which a run's config reaches it."""
    return slug(line.name, stage)


def _stage_asset(
    line: ModelLine,
    stage: str,
    partitions_def: dg.PartitionsDefinition[str] | None,
    group_name: str | None,
    owners: list[str] | None,
) -> dg.AssetsDefinition:
    out = AssetOut(
        key=line.stage_key(stage),
        io_manager_key=MODEL_IO_MANAGER_KEY,
        is_required=False,
        # The graph shows the last part of a key, `production`, and the kinds below it.
        kinds={"stage", kind_of(line.name)},
        owners=owners,
        code_version=CODE_VERSION,
        description=f"{stage} of {line.name}: the version that holds the stage. Materialize it with"
        " `version` in the config to promote, or with `rollback: true`.",
        metadata={metadata_keys.STAGE: stage, metadata_keys.MODEL: line.name},
    )

    @dg.multi_asset(
        name=stage_op(line, stage),
        outs={"holder": out},
        # Not by `deps`, by which Dagster names the input after the key: not every name will do.
        ins={"before": dg.AssetIn(line.source_key(stage), dagster_type=dg.Nothing)},
        partitions_def=partitions_def,
        group_name=group_name,
    )
    def stage_asset(
        context: dg.AssetExecutionContext, config: StageConfig, registry: RegistryResource
    ) -> Iterator[dg.MaterializeResult[Any]]:
        step = _StageStep(context, line, stage, config, registry.connect())
        result = step.materialize()
        if result is not None:
            yield result

    return stage_asset


class _StageStep:
    """One materialization of a stage."""

    def __init__(
        self,
        context: dg.AssetExecutionContext,
        line: ModelLine,
        stage: str,
        config: StageConfig,
        registry: Registry,
    ) -> None:
        self._context = context
        self._line = line
        self._stage = stage
        self._config = config
        self._registry = registry
        self._provenance: RunProvenance = provenance_of(context, line.stage_key(stage))
        self._name = line.registered_name(self._provenance.partition)

    def materialize(self) -> dg.MaterializeResult[Any] | None:
        """Move the stage if that is asked, and say who holds it; None where nobody does."""
        note = self._move()
        try:
            holder = self._registry.holder(self._name, self._stage)
        except ModelNotFoundError:
            holder = None
        if holder is None:
            self._context.log.info(
                f"no version of {self._name} holds {self._stage}, so there is nothing to say;"
                " promote one by naming `version` in the config"
            )
            return None
        return stage_result(
            self._context.instance,
            self._line,
            holder,
            self._stage,
            self._registry.settings,
            partition=self._provenance.partition,
            came_by=held_before(self._registry, self._line, holder, self._stage),
            note=note,
        )

    def _move(self) -> dict[str, Any]:
        config = self._config
        if config.version is not None and config.rollback:
            raise InvalidInputError(
                "rollback finds the version itself, and both are given",
                field="version",
                value=config.version,
                remedy="Leave one of `version` and `rollback` out",
            )
        if config.version is None and not config.rollback:
            return {metadata_keys.MOVED: False}
        try:
            move = self._ask()
        except GenerationConflictError as conflict:
            return self._overtaken(conflict)
        except GateNotPassedError as refused:
            self._say_on_run(refused.message)
            raise
        return _moved(move.moved, move.previous_version_id, config.reason)

    def _ask(self) -> Move:
        config = self._config
        asked: dict[str, Any] = {
            "reason": config.reason,
            "expected_generation": config.expected_generation,
            "run_id": self._provenance.run_id,
            "actor": self._actor(),
        }
        if config.rollback:
            return self._registry.rollback(self._name, stage=self._stage, **asked)
        reference = f"{self._name}/{config.version}"
        return self._registry.promote(reference, self._stage, automatic=config.automatic, **asked)

    def _actor(self) -> Actor:
        """Return who acts: a sensor where it asked, else whoever the config or the run names."""
        config = self._config
        if config.automatic:
            return DRIFT_SENSOR if config.rollback else PROMOTION_SENSOR
        claim = claimed(config.actor, "actor") if config.actor else self._provenance.actor
        return self._registry.actor(claim)

    def _say_on_run(self, waits_for: str) -> None:
        run_id = self._provenance.run_id
        self._context.instance.add_run_tags(run_id, {metadata_keys.WAITS_FOR: waits_for[:_TAG]})

    def _overtaken(self, conflict: GenerationConflictError) -> dict[str, Any]:
        # Two daemons may ask for one promotion. For a person it is an answer, for them no failure.
        if not self._config.automatic:
            raise conflict
        self._context.log.info(f"left as it is: {conflict}")
        return {metadata_keys.MOVED: False, metadata_keys.NOTICE: str(conflict)}


def stage_result(
    instance: dg.DagsterInstance,
    line: ModelLine,
    holder: ModelVersion,
    stage: str,
    settings: Settings,
    *,
    partition: str | None,
    came_by: bool,
    note: dict[str, Any],
) -> dg.MaterializeResult[Any]:
    """Return the event that says which version holds a stage, with its lineage put right.

    Args and their meaning are those of :func:`source_tags`; ``note`` is further metadata.
    """
    return dg.MaterializeResult(
        asset_key=line.stage_key(stage),
        data_version=dg.DataVersion(holder.digest),
        tags={
            metadata_keys.VERSION: str(holder.version_id),
            **source_tags(
                instance,
                line,
                stage,
                StageHolding(holder.version_id, holder.digest, came_by=came_by),
                partition,
            ),
        },
        metadata={
            **describe(holder, settings),
            metadata_keys.STAGE: stage,
            metadata_keys.GENERATION: str(holder.generation),
            **reads_of_stage(instance, line, holder.version_id, partition),
            **note,
        },
    )


def _moved(moved: bool, previous: int | None, reason: str | None) -> dict[str, Any]:
    found: dict[str, Any] = {metadata_keys.MOVED: moved}
    if previous is not None:
        found[metadata_keys.PREVIOUS] = str(previous)
    if reason:
        found[metadata_keys.REASON] = reason
    return found
