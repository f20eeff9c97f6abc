"""The events by which the asset graph shows what no run of its instance has materialized."""

from collections.abc import Mapping
from typing import Any, NamedTuple

import dagster as dg

from pedigree.audit.records import Event, EventType
from pedigree.catalog.records import ModelVersion
from pedigree.dagster import metadata_keys
from pedigree.dagster.sensors.stage_sources import (
    CODE_VERSION,
    StageHolding,
    reads_of_stage,
    source_tags,
)
from pedigree.dagster.sensors.targets import Target

Shown = dg.AssetMaterialization | dg.AssetObservation
"""What a mirror reports."""


_OF_ONE_EVENT = frozenset(
    {metadata_keys.READS, metadata_keys.INPUTS, metadata_keys.CREATED, metadata_keys.NOTICE}
)


class Named(NamedTuple):
    """A version, as an event names it."""

    model: str
    version: int
    digest: str

    def described(self) -> dict[str, Any]:
        """Return the metadata that names it."""
        return {
            metadata_keys.MODEL: self.model,
            metadata_keys.VERSION: str(self.version),
            metadata_keys.REFERENCE: f"{self.model}/{self.version}",
            metadata_keys.DIGEST: self.digest,
        }

    def tags(self) -> dict[str, str]:
        """Return the tags by which the version's bytes are the asset's data version."""
        return {
            metadata_keys.DATA_VERSION: self.digest,
            metadata_keys.DATA_VERSION_GIVEN: "true",
            metadata_keys.VERSION: str(self.version),
        }


class Said(NamedTuple):
    """What is said of a version: in words, and as metadata."""

    named: Named
    text: str
    found: Mapping[str, Any]


def stage_event(
    instance: dg.DagsterInstance, target: Target, event: Event, stage: str
) -> dg.AssetMaterialization:
    """Return what shows that a version entered a stage."""
    named = _named(event)
    found: dict[str, Any] = {
        metadata_keys.GENERATION: str(event.body["generation"]),
        metadata_keys.MOVED: True,
        metadata_keys.REGISTRY_SEQ: str(event.seq),
        metadata_keys.MOVED_BY: event.actor.name,
        **_reason(event),
    }
    text = f"{event.actor.name} moved {named.model}/{named.version} to {stage}"
    before = target.line.stage_before(stage)
    came_by = before is None or event.body["from"] == before
    return _holding(instance, target, stage, Said(named, text, found), came_by=came_by)


def holder_event(
    instance: dg.DagsterInstance,
    target: Target,
    holder: ModelVersion,
    stage: str,
    *,
    came_by: bool,
) -> dg.AssetMaterialization:
    """Return what says again which version holds a stage, where the graph has forgotten it."""
    found = {metadata_keys.GENERATION: str(holder.generation), metadata_keys.MOVED: False}
    text = f"{holder.reference} holds {stage}; the graph did not show it"
    said = Said(_named_by(holder), text, found)
    return _holding(instance, target, stage, said, came_by=came_by)


def registration_event(target: Target, event: Event) -> dg.AssetMaterialization:
    """Return what shows that a version was registered, or trained once more."""
    named = _named(event)
    metrics: Any = event.body["metrics"]
    verb = "registered" if event.type is EventType.VERSION_CREATED else "trained"
    found = {metadata_keys.REGISTRY_SEQ: str(event.seq), metadata_keys.MOVED_BY: event.actor.name}
    text = f"{event.actor.name} {verb} {named.model}/{named.version}"
    return _made(target, metrics, Said(named, text, found))


def version_event(target: Target, version: ModelVersion) -> dg.AssetMaterialization:
    """Return what says again that a version was registered, where the graph has forgotten it."""
    text = f"{version.created_by} registered {version.reference}; the graph did not show it"
    return _made(target, version.metrics, Said(_named_by(version), text, {}))


def alias_event(
    target: Target, event: Event, shown: dg.AssetMaterialization | None
) -> dg.AssetObservation:
    """Return what shows that an alias was set or taken away.

    Dagster shows the newest event of an asset, so this one says again what the materialization
    before it says: its metrics and its card would be hidden otherwise.

    Args:
        target: The model.
        event: What happened to the alias.
        shown: The model's newest materialization.
    """
    said = shown.metadata if shown is not None else {}
    alias = str(event.body["alias"])
    reference = f"{event.model}/{event.version}"
    is_set = event.type is EventType.ALIAS_SET
    moved = f"set @{alias} to {reference}" if is_set else f"took @{alias} from {reference}"
    return dg.AssetObservation(
        asset_key=target.line.key,
        partition=target.partition,
        description=f"{event.actor.name} {moved}",
        metadata={
            **{name: value for name, value in said.items() if name not in _OF_ONE_EVENT},
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


def _holding(
    instance: dg.DagsterInstance, target: Target, stage: str, said: Said, *, came_by: bool
) -> dg.AssetMaterialization:
    named = said.named
    held = StageHolding(named.version, named.digest, came_by=came_by)
    pinned = source_tags(instance, target.line, stage, held, target.partition)
    return dg.AssetMaterialization(
        asset_key=target.line.stage_key(stage),
        partition=target.partition,
        description=said.text,
        metadata={
            **named.described(),
            metadata_keys.STAGE: stage,
            **reads_of_stage(instance, target.line, named.version, target.partition),
            **said.found,
        },
        # Without a code version Dagster does not read the others, and goes by the time alone.
        tags={**named.tags(), **pinned, metadata_keys.CODE_VERSION: CODE_VERSION},
    )


def _made(target: Target, metrics: Mapping[str, float], said: Said) -> dg.AssetMaterialization:
    plotted = {name: dg.MetadataValue.float(float(value)) for name, value in metrics.items()}
    return dg.AssetMaterialization(
        asset_key=target.line.key,
        partition=target.partition,
        description=said.text,
        metadata={**plotted, **said.named.described(), **said.found},
        tags=said.named.tags(),
    )


def _named(event: Event) -> Named:
    return Named(event.model or "", event.version or 0, str(event.body["digest"]))


def _named_by(version: ModelVersion) -> Named:
    return Named(version.model_name, version.version_id, version.digest)


def _reason(event: Event) -> dict[str, Any]:
    reason = event.body.get("reason")
    return {metadata_keys.REASON: str(reason)} if reason else {}
