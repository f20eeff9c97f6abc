"""Stages as assets: ``models/customer_churn/production``.

Materializing one with ``version`` in its config promotes that version through the registry; with
``rollback`` it rolls back. With neither it only reports the registry's current state, so
"materialize all" never promotes anything.
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
from pedigree.dagster.assets.model_spec import MODEL_IO_MANAGER_KEY, ModelSpec
from pedigree.dagster.assets.names import kind_of, slug
from pedigree.dagster.capture.run_provenance import RunProvenance, provenance_of
from pedigree.dagster.resources.registry import RegistryResource
from pedigree.dagster.sensors.stage_sources import (
    CODE_VERSION,
    StageHolder,
    entered_via_previous_stage,
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

_MAX_TAG_LENGTH = 300


class StageConfig(dg.Config):
    """What the materialization of a stage does; it moves nothing unless a version is set."""

    version: int | None = Field(default=None, description="The version to promote")
    rollback: bool = Field(
        default=False, description="Return to the stage's previous version instead"
    )
    reason: str | None = Field(default=None, description="The reason, for the timeline")
    expected_generation: int | None = Field(
        default=None,
        description="The model's generation that the requester saw; the move fails if it changed",
    )
    automatic: bool = Field(
        default=False,
        description="Whether the sensor requests this: its gates apply, and it is the actor",
    )
    actor: str | None = Field(
        default=None,
        description="The requester. Dagster has no identities, so this is an unverified claim",
    )


def stage_assets(
    line: ModelSpec,
    *,
    partitions_def: dg.PartitionsDefinition[str] | None = None,
    group_name: str | None = None,
    owners: list[str] | None = None,
) -> tuple[dg.AssetsDefinition, ...]:
    """Return the assets of a model's stages, in the order of its policy.

    Args:
        line: The model's spec.
        partitions_def: The partitions of the model's asset.
        group_name: The asset group.
        owners: The owners of the assets.
    """
    return tuple(
        _stage_asset(line, stage, partitions_def, group_name, owners) for stage in line.stages
    )


def stage_op(model_spec: ModelSpec, stage: str) -> str:
    """Return the name of a stage asset's op, which a run's config uses."""
    return slug(model_spec.name, stage)


def _stage_asset(
    model_spec: ModelSpec,
    stage: str,
    partitions_def: dg.PartitionsDefinition[str] | None,
    group_name: str | None,
    owners: list[str] | None,
) -> dg.AssetsDefinition:
    out = AssetOut(
        key=model_spec.stage_key(stage),
        io_manager_key=MODEL_IO_MANAGER_KEY,
        is_required=False,
        # The graph shows the last part of a key, `production`, and the kinds below it.
        kinds={"stage", kind_of(model_spec.name)},
        owners=owners,
        code_version=CODE_VERSION,
        description=f"{stage} of {model_spec.name}: the version that holds the stage. Materialize"
        " it with `version` in the config to promote, or with `rollback: true` to roll back.",
        metadata={
            metadata_keys.STAGE: stage,
            metadata_keys.MODEL: model_spec.name,
            # Sensors find their models in the repository, by its stages.
            metadata_keys.STAGE_OF: dg.MetadataValue.json(model_spec.model_dump(mode="json")),
        },
    )

    @dg.multi_asset(
        name=stage_op(model_spec, stage),
        outs={"holder": out},
        # Not `deps`: Dagster would derive the input's name from the key, and rejects some names.
        ins={"before": dg.AssetIn(model_spec.source_key(stage), dagster_type=dg.Nothing)},
        partitions_def=partitions_def,
        group_name=group_name,
    )
    def stage_asset(
        context: dg.AssetExecutionContext, config: StageConfig, registry: RegistryResource
    ) -> Iterator[dg.MaterializeResult[Any]]:
        step = _StageStep(context, model_spec, stage, config, registry.connect())
        result = step.materialize()
        if result is not None:
            yield result

    return stage_asset


class _StageStep:
    """One materialization of a stage."""

    def __init__(
        self,
        context: dg.AssetExecutionContext,
        model_spec: ModelSpec,
        stage: str,
        config: StageConfig,
        registry: Registry,
    ) -> None:
        self._context = context
        self._model_spec = model_spec
        self._stage = stage
        self._config = config
        self._registry = registry
        self._provenance: RunProvenance = provenance_of(context, model_spec.stage_key(stage))
        self._name = model_spec.registered_name(self._provenance.partition)

    def materialize(self) -> dg.MaterializeResult[Any] | None:
        """Move the stage if requested, and return its current version; None if it is empty."""
        note = self._move()
        try:
            holder = self._registry.holder(self._name, self._stage)
        except ModelNotFoundError:
            holder = None
        if holder is None:
            self._context.log.info(
                f"no version of {self._name} is in {self._stage}, so nothing is materialized;"
                " promote one by setting `version` in the config"
            )
            return None
        return stage_result(
            self._context.instance,
            self._model_spec,
            holder,
            self._stage,
            self._registry.settings,
            partition=self._provenance.partition,
            via_previous_stage=entered_via_previous_stage(
                self._registry, self._model_spec, holder, self._stage
            ),
            note=note,
        )

    def _move(self) -> dict[str, Any]:
        config = self._config
        if config.version is not None and config.rollback:
            raise InvalidInputError(
                "cannot be combined with rollback, which finds the version itself",
                field="version",
                value=config.version,
                remedy="Set only one of `version` and `rollback`",
            )
        if config.version is None and not config.rollback:
            return {metadata_keys.MOVED: False}
        try:
            move = self._request_move()
        except GenerationConflictError as conflict:
            return self._conflict_metadata(conflict)
        except GateNotPassedError as error:
            self._tag_run(error.message)
            raise
        return _moved(move.moved, move.previous_version_id, config.reason)

    def _request_move(self) -> Move:
        config = self._config
        arguments: dict[str, Any] = {
            "reason": config.reason,
            "expected_generation": config.expected_generation,
            "run_id": self._provenance.run_id,
            "actor": self._actor(),
        }
        if config.rollback:
            return self._registry.rollback(self._name, stage=self._stage, **arguments)
        reference = f"{self._name}/{config.version}"
        return self._registry.promote(
            reference, self._stage, automatic=config.automatic, **arguments
        )

    def _actor(self) -> Actor:
        """Return the actor: the sensor that requested it, or the name in the config or the run."""
        config = self._config
        if config.automatic:
            return DRIFT_SENSOR if config.rollback else PROMOTION_SENSOR
        claim = claimed(config.actor, "actor") if config.actor else self._provenance.actor
        return self._registry.actor(claim)

    def _tag_run(self, waits_for: str) -> None:
        tags = {metadata_keys.WAITS_FOR: waits_for[:_MAX_TAG_LENGTH]}
        self._context.instance.add_run_tags(self._provenance.run_id, tags)

    def _conflict_metadata(self, conflict: GenerationConflictError) -> dict[str, Any]:
        # Two daemons may request the same promotion: a conflict is an error only for a person.
        if not self._config.automatic:
            raise conflict
        self._context.log.info(f"not moved: {conflict}")
        return {metadata_keys.MOVED: False, metadata_keys.NOTICE: str(conflict)}


def stage_result(
    instance: dg.DagsterInstance,
    model_spec: ModelSpec,
    holder: ModelVersion,
    stage: str,
    settings: Settings,
    *,
    partition: str | None,
    via_previous_stage: bool,
    note: dict[str, Any],
) -> dg.MaterializeResult[Any]:
    """Return the event for the version in a stage, with corrected lineage.

    The arguments are those of :func:`source_tags`; ``note`` is additional metadata.
    """
    return dg.MaterializeResult(
        asset_key=model_spec.stage_key(stage),
        data_version=dg.DataVersion(holder.data_version),
        tags={
            metadata_keys.VERSION: str(holder.version_id),
            **source_tags(
                instance,
                model_spec,
                stage,
                StageHolder(
                    holder.version_id, holder.data_version, via_previous_stage=via_previous_stage
                ),
                partition,
            ),
        },
        metadata={
            **describe(holder, settings),
            metadata_keys.STAGE: stage,
            metadata_keys.GENERATION: str(holder.generation),
            **reads_of_stage(instance, model_spec, holder.version_id, partition),
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
