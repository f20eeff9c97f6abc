"""From which event of the asset before a stage its holder comes."""

from typing import Any, NamedTuple

import dagster as dg

from pedigree.catalog.records import ModelVersion
from pedigree.dagster import metadata_keys
from pedigree.dagster.assets.model_spec import ModelLine
from pedigree.dagster.capture import event_log, materializations
from pedigree.dagster.capture.lineage import combined_version
from pedigree.dagster.capture.recorded_reads import NO_EVENT, Reads, encoded
from pedigree.registry import Registry

# A version's materialization may lie far back; the registry knows its run, so few are looked at.
_SEARCHED = 1000
# Of a stage's own code, which only says who holds it.
CODE_VERSION = "1"


class StageHolding(NamedTuple):
    """The version that holds a stage.

    ``came_by`` says that it came through the stage before, whether or not the graph shows that yet.
    """

    version: int
    digest: str
    came_by: bool


def held_before(registry: Registry, line: ModelLine, version: ModelVersion, stage: str) -> bool:
    """Say whether a version came into a stage through the asset before it."""
    before = line.stage_before(stage)
    if before is None:
        return True  # from the model's asset, as all versions do
    tenures = registry.timeline(version.model_name, f"stage:{before}")
    return any(tenure.version_id == version.version_id for tenure in tenures)


def source_tags(
    instance: dg.DagsterInstance,
    line: ModelLine,
    stage: str,
    held: StageHolding,
    partition: str | None,
) -> dict[str, str]:
    """Return the tags that say from which event of the asset before a stage its version comes.

    Left to itself, Dagster names the newest one, which after a rollback is the wrong one. The data
    version is what Dagster compares with the asset before: a stage is behind where a newer version
    waits there, and is not where an older one lies.
    """
    key = line.source_key(stage)
    source = materializations.of_version(instance, key, partition, held.version, _SEARCHED)
    if source is not None:
        found = event_log.by_ids(instance, key, [source]).get(source)
        data_version = (found.data_version if found else None) or held.digest
    else:
        data_version = _passed_by(instance, key, held, partition) or held.digest
    name = key.to_user_string()
    return {
        metadata_keys.INPUT_DATA_VERSION + name: data_version
        if partition is None
        else combined_version([data_version]),
        # What was never materialized there has no event to point to.
        metadata_keys.INPUT_POINTER + name: str(source) if source is not None else "NULL",
    }


def reads_of_stage(
    instance: dg.DagsterInstance, line: ModelLine, version: int, partition: str | None
) -> dict[str, dg.MetadataValue[Any]]:
    """Return the metadata that says which materialization of the model a stage hands on.

    That is what a stage stands for, whichever stages the version came through.
    """
    source = materializations.of_version(instance, line.key, partition, version, _SEARCHED)
    ids = (source if source is not None else NO_EVENT,)
    return {metadata_keys.READS: encoded(Reads(loaded={line.key: {partition: ids}}, complete=True))}


def _passed_by(
    instance: dg.DagsterInstance, key: dg.AssetKey, held: StageHolding, partition: str | None
) -> str | None:
    """Return the data version of the older version that lies where a version did not come by."""
    newest = None if held.came_by else materializations.newest(instance, key, partition)
    shown = materializations.version_named(newest.event) if newest else None
    if newest is None or shown is None or shown > held.version:
        return None
    return (newest.event.tags or {}).get(metadata_keys.DATA_VERSION)
