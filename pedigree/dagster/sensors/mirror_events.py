"""The Dagster events for changes that no run of the instance has materialized."""

from collections.abc import Mapping
from typing import Any, NamedTuple

import dagster as dg

from pedigree.audit.event_types import EventType
from pedigree.audit.records import Event
from pedigree.catalog.records import ModelVersion
from pedigree.catalog.seal_states import unsealed_data_version
from pedigree.dagster import metadata_keys
from pedigree.dagster.sensors.stage_sources import (
    CODE_VERSION,
    StageHolder,
    reads_of_stage,
    source_tags,
)
from pedigree.dagster.sensors.targets import Target
from pedigree.dagster.version_pages import page_metadata
from pedigree.settings import Settings

MirrorEvent = dg.AssetMaterialization | dg.AssetObservation
"""An event that the mirror reports."""


_VERBS = {
    EventType.VERSION_CREATED: "registered",
    EventType.VERSION_TRAINED: "trained",
    EventType.VERSION_SEALED: "sealed",
}
_NOT_REPEATED = frozenset(
    {metadata_keys.READS, metadata_keys.INPUTS, metadata_keys.CREATED, metadata_keys.NOTICE}
)


class VersionIdentity(NamedTuple):
    """A version's model, number and data version, and the metadata that links to its page."""

    model: str
    version: int
    data_version: str
    page: Mapping[str, Any]

    def metadata(self) -> dict[str, Any]:
        """Return the metadata that identifies the version."""
        return {
            metadata_keys.MODEL: self.model,
            metadata_keys.VERSION: str(self.version),
            metadata_keys.REFERENCE: f"{self.model}/{self.version}",
            metadata_keys.DIGEST: self.data_version,
            **self.page,
        }

    def tags(self) -> dict[str, str]:
        """Return the tags that make the version's data version that of the asset."""
        return {
            metadata_keys.DATA_VERSION: self.data_version,
            metadata_keys.DATA_VERSION_GIVEN: "true",
            metadata_keys.VERSION: str(self.version),
        }


class VersionMessage(NamedTuple):
    """A version with a description and metadata for its event."""

    version: VersionIdentity
    text: str
    metadata: Mapping[str, Any]


def stage_event(
    instance: dg.DagsterInstance, target: Target, event: Event, stage: str, settings: Settings
) -> dg.AssetMaterialization:
    """Return the materialization for a version that entered a stage."""
    version = _identity(event, settings)
    metadata: dict[str, Any] = {
        metadata_keys.GENERATION: str(event.body["generation"]),
        metadata_keys.MOVED: True,
        metadata_keys.REGISTRY_SEQ: str(event.seq),
        metadata_keys.MOVED_BY: event.actor.name,
        **_reason(event),
    }
    text = f"{event.actor.name} moved {version.model}/{version.version} to {stage}"
    before = target.model_spec.stage_before(stage)
    via_previous_stage = before is None or event.body["from"] == before
    message = VersionMessage(version, text, metadata)
    return _stage_materialization(
        instance, target, stage, message, via_previous_stage=via_previous_stage
    )


def holder_event(
    instance: dg.DagsterInstance,
    target: Target,
    holder: ModelVersion,
    stage: str,
    settings: Settings,
    *,
    via_previous_stage: bool,
) -> dg.AssetMaterialization:
    """Return the materialization for the version in a stage, if the graph has lost its event."""
    metadata = {metadata_keys.GENERATION: str(holder.generation), metadata_keys.MOVED: False}
    text = f"{holder.reference} is in {stage}; the graph did not show it"
    message = VersionMessage(_identity_of(holder, settings), text, metadata)
    return _stage_materialization(
        instance, target, stage, message, via_previous_stage=via_previous_stage
    )


def registration_event(target: Target, event: Event, settings: Settings) -> dg.AssetMaterialization:
    """Return the materialization for a version that was registered, or trained once more."""
    version = _identity(event, settings)
    metrics: Any = event.body["metrics"]
    verb = _VERBS[event.type]
    metadata = {
        metadata_keys.REGISTRY_SEQ: str(event.seq),
        metadata_keys.MOVED_BY: event.actor.name,
    }
    text = f"{event.actor.name} {verb} {version.model}/{version.version}"
    return _model_materialization(target, metrics, VersionMessage(version, text, metadata))


def version_event(
    target: Target, version: ModelVersion, settings: Settings
) -> dg.AssetMaterialization:
    """Return the materialization for a registered version, if the graph has lost its event."""
    text = f"{version.created_by} registered {version.reference}; the graph did not show it"
    message = VersionMessage(_identity_of(version, settings), text, {})
    return _model_materialization(target, version.metrics, message)


def alias_event(
    target: Target, event: Event, shown: dg.AssetMaterialization | None
) -> dg.AssetObservation:
    """Return the observation for an alias that was set or removed.

    Dagster shows the newest event of an asset, so this one repeats the metadata of the last
    materialization: otherwise its metrics and its card would be hidden.

    Args:
        target: The model.
        event: The alias event.
        shown: The model's newest materialization.
    """
    metadata = shown.metadata if shown is not None else {}
    alias = str(event.body["alias"])
    reference = f"{event.model}/{event.version}"
    is_set = event.type is EventType.ALIAS_SET
    moved = f"set @{alias} to {reference}" if is_set else f"removed @{alias} from {reference}"
    return dg.AssetObservation(
        asset_key=target.model_spec.key,
        partition=target.partition,
        description=f"{event.actor.name} {moved}",
        metadata={
            **{name: value for name, value in metadata.items() if name not in _NOT_REPEATED},
            metadata_keys.MODEL: event.model,
            metadata_keys.ALIAS: alias,
            metadata_keys.ALIAS_OF: reference,
            metadata_keys.MOVED: is_set,
            metadata_keys.GENERATION: str(event.body["generation"]),
            metadata_keys.REGISTRY_SEQ: str(event.seq),
            metadata_keys.MOVED_BY: event.actor.name,
            **_reason(event),
        },
    )


def _stage_materialization(
    instance: dg.DagsterInstance,
    target: Target,
    stage: str,
    message: VersionMessage,
    *,
    via_previous_stage: bool,
) -> dg.AssetMaterialization:
    version = message.version
    holder = StageHolder(
        version.version, version.data_version, via_previous_stage=via_previous_stage
    )
    tags = source_tags(instance, target.model_spec, stage, holder, target.partition)
    return dg.AssetMaterialization(
        asset_key=target.model_spec.stage_key(stage),
        partition=target.partition,
        description=message.text,
        metadata={
            **version.metadata(),
            metadata_keys.STAGE: stage,
            **reads_of_stage(instance, target.model_spec, version.version, target.partition),
            **message.metadata,
        },
        # Without a code version Dagster ignores the other tags, and compares only times.
        tags={**version.tags(), **tags, metadata_keys.CODE_VERSION: CODE_VERSION},
    )


def _model_materialization(
    target: Target, metrics: Mapping[str, float], message: VersionMessage
) -> dg.AssetMaterialization:
    plotted = {name: dg.MetadataValue.float(float(value)) for name, value in metrics.items()}
    return dg.AssetMaterialization(
        asset_key=target.model_spec.key,
        partition=target.partition,
        description=message.text,
        metadata={**plotted, **message.version.metadata(), **message.metadata},
        tags=message.version.tags(),
    )


def _identity(event: Event, settings: Settings) -> VersionIdentity:
    page = page_metadata(f"{event.model}/{event.version}", settings)
    data_version = event.body["digest"] or unsealed_data_version(f"{event.model}/{event.version}")
    return VersionIdentity(event.model or "", event.version or 0, str(data_version), page)


def _identity_of(version: ModelVersion, settings: Settings) -> VersionIdentity:
    page = page_metadata(version.reference, settings)
    return VersionIdentity(version.model_name, version.version_id, version.data_version, page)


def _reason(event: Event) -> dict[str, Any]:
    reason = event.body.get("reason")
    return {metadata_keys.REASON: str(reason)} if reason else {}
