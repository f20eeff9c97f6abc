"""Find out what the asset graph lacks of a model: its events were lost, or wiped with the asset."""

import dagster as dg

from pedigree.catalog.records import ModelVersion
from pedigree.dagster.sensors.mirror_events import Shown, holder_event, version_event
from pedigree.dagster.sensors.mirror_state import Graph, Registrations
from pedigree.dagster.sensors.stage_sources import held_before
from pedigree.dagster.sensors.targets import Target
from pedigree.errors import ModelNotFoundError
from pedigree.registry import Registry

_RECENT = 100
_FAR = 1000


def repairs(
    instance: dg.DagsterInstance, graph: Graph, registry: Registry, name: str, target: Target
) -> list[Shown]:
    """Return the events that show what the graph lacks of a model.

    Of the versions the newest hundred are looked at, and the newest thousand where one of them is
    missing. The version that the asset showed last is said again, since consumers load that one.
    """
    try:
        versions = _missing(graph, registry, name, target)
        holders = _unseen_holders(graph, registry, name, target)
    except ModelNotFoundError:
        return []  # never trained yet, or deleted
    shown: list[Shown] = [version_event(target, version) for version in versions]
    shown += [
        holder_event(
            instance,
            target,
            holder,
            stage,
            came_by=held_before(registry, target.line, holder, stage),
        )
        for holder, stage in holders
    ]
    return shown


def _missing(graph: Graph, registry: Registry, name: str, target: Target) -> list[ModelVersion]:
    key, partition = target.line.key, target.partition
    newest = registry.versions(name, limit=_RECENT, newest_first=True)
    shown = graph.registrations(key, partition)
    if not any(_is_missing(version, shown) for version in newest):
        return []
    shown = graph.far(key, partition)
    versions = registry.versions(name, limit=_FAR, newest_first=True)
    missing = [version for version in reversed(versions) if _is_missing(version, shown)]
    if missing and shown.newest is not None:
        missing += [version for version in versions if version.version_id == shown.newest]
    return missing


def _is_missing(version: ModelVersion, shown: Registrations) -> bool:
    # Where the graph shows more than was looked at, what is older may be among the rest.
    covered = version.created_at.timestamp() > shown.since
    return covered and version.version_id not in shown.versions


def _unseen_holders(
    graph: Graph, registry: Registry, name: str, target: Target
) -> list[tuple[ModelVersion, str]]:
    found = []
    for stage in target.line.stages:
        shown = graph.stage_version(target.line.stage_key(stage), target.partition)
        holder = registry.holder(name, stage)
        # Where versions share a stage, the one that entered it last may have gone on since.
        entered = registry.timeline(name, f"stage:{stage}", limit=1)
        known = {each.version_id for each in entered} | ({holder.version_id} if holder else set())
        if holder and shown not in known:
            found.append((holder, stage))
    return found
