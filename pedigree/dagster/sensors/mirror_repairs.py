"""Find the events of a model that the asset graph lacks, because they were lost or wiped."""

import dagster as dg

from pedigree.catalog.records import ModelVersion
from pedigree.catalog.seal_states import WITHOUT_BYTES
from pedigree.dagster.sensors.mirror_events import MirrorEvent, holder_event, version_event
from pedigree.dagster.sensors.mirror_state import GraphState, Registrations
from pedigree.dagster.sensors.stage_sources import entered_via_previous_stage
from pedigree.dagster.sensors.targets import Target
from pedigree.errors import ModelNotFoundError
from pedigree.registry import Registry

_RECENT = 100
_FAR = 1000


def repairs(
    instance: dg.DagsterInstance, graph: GraphState, registry: Registry, name: str, target: Target
) -> list[MirrorEvent]:
    """Return the events of a model that the graph lacks.

    This compares the newest hundred versions, and the newest thousand if one of them is missing.
    The version that the asset showed last is then reported again, since consumers load the newest.
    """
    try:
        versions = _missing(graph, registry, name, target)
        holders = _unseen_holders(graph, registry, name, target)
    except ModelNotFoundError:
        return []  # never trained yet, or deleted
    shown: list[MirrorEvent] = [
        version_event(target, version, registry.settings) for version in versions
    ]
    shown += [
        holder_event(
            instance,
            target,
            holder,
            stage,
            registry.settings,
            via_previous_stage=entered_via_previous_stage(
                registry, target.model_spec, holder, stage
            ),
        )
        for holder, stage in holders
    ]
    return shown


def _missing(
    graph: GraphState, registry: Registry, name: str, target: Target
) -> list[ModelVersion]:
    key, partition = target.model_spec.key, target.partition
    newest = registry.versions(name, limit=_RECENT, newest_first=True)
    shown = graph.registrations(key, partition)
    if not any(_is_missing(version, shown) for version in newest):
        return []
    shown = graph.older_registrations(key, partition)
    versions = registry.versions(name, limit=_FAR, newest_first=True)
    missing = [version for version in reversed(versions) if _is_missing(version, shown)]
    if missing and shown.newest is not None:
        missing += [version for version in versions if version.version_id == shown.newest]
    return missing


def _is_missing(version: ModelVersion, shown: Registrations) -> bool:
    # If the graph has more events than were read, an older version may be among the rest.
    covered = version.created_at.timestamp() > shown.since
    is_there = version.state not in WITHOUT_BYTES
    return covered and is_there and version.version_id not in shown.versions


def _unseen_holders(
    graph: GraphState, registry: Registry, name: str, target: Target
) -> list[tuple[ModelVersion, str]]:
    found = []
    for stage in target.model_spec.stages:
        shown = graph.stage_holder(target.model_spec.stage_key(stage), target.partition)
        holder = registry.holder(name, stage)
        # If versions share a stage, the last one that entered may have left it since.
        entered = registry.timeline(name, f"stage:{stage}", limit=1)
        expected = {assignment.version_id for assignment in entered}
        if holder is None:
            continue
        # A version that was sealed since has another data version.
        is_sealed_since = shown.version == holder.version_id and (
            shown.data_version != holder.data_version
        )
        if is_sealed_since or shown.version not in {*expected, holder.version_id}:
            found.append((holder, stage))
    return found
