"""The upstream event of the version in a stage: its materialization in the previous stage."""

from typing import Any, NamedTuple

import dagster as dg

from pedigree.catalog.records import ModelVersion
from pedigree.dagster import metadata_keys
from pedigree.dagster.assets.model_spec import ModelSpec
from pedigree.dagster.capture import event_log, materializations
from pedigree.dagster.capture.lineage import combined_version
from pedigree.dagster.capture.recorded_reads import NO_EVENT, Reads, encoded
from pedigree.registry import Registry

# A version's materialization may be old; this limits how many are read.
_SEARCHED = 1000
# The code version of all stage assets: their code only reports the version in the stage.
CODE_VERSION = "1"


class StageHolder(NamedTuple):
    """The version in a stage.

    ``via_previous_stage``: it entered via the previous stage, even if the graph lacks that event.
    """

    version: int
    data_version: str
    via_previous_stage: bool


def entered_via_previous_stage(
    registry: Registry, model_spec: ModelSpec, version: ModelVersion, stage: str
) -> bool:
    """Return whether a version entered a stage via the asset before it."""
    before = model_spec.stage_before(stage)
    if before is None:
        return True  # it entered from the model's asset, as all versions do
    assignments = registry.timeline(version.model_name, f"stage:{before}")
    return any(assignment.version_id == version.version_id for assignment in assignments)


def source_tags(
    instance: dg.DagsterInstance,
    model_spec: ModelSpec,
    stage: str,
    holder: StageHolder,
    partition: str | None,
) -> dict[str, str]:
    """Return the tags that point to the upstream event of the version in a stage.

    Dagster itself would point to the newest event, which is wrong after a rollback. It compares the
    data version with that of the upstream asset: a stage is stale if that has a newer version, and
    not stale if it has an older one.
    """
    key = model_spec.source_key(stage)
    source = materializations.of_version(instance, key, partition, holder.version, _SEARCHED)
    if source is not None:
        found = event_log.by_ids(instance, key, [source]).get(source)
        data_version = (found.data_version if found else None) or holder.data_version
    else:
        data_version = (
            _skipped_stage_version(instance, key, holder, partition) or holder.data_version
        )
    name = key.to_user_string()
    return {
        metadata_keys.INPUT_DATA_VERSION + name: data_version
        if partition is None
        else combined_version([data_version]),
        # A version that was never materialized there has no event to point to.
        metadata_keys.INPUT_POINTER + name: str(source) if source is not None else "NULL",
    }


def reads_of_stage(
    instance: dg.DagsterInstance, model_spec: ModelSpec, version: int, partition: str | None
) -> dict[str, dg.MetadataValue[Any]]:
    """Return the metadata that names the model's materialization as the only input of a stage.

    It is the stage's source, whichever stages the version went through.
    """
    source = materializations.of_version(instance, model_spec.key, partition, version, _SEARCHED)
    ids = (source if source is not None else NO_EVENT,)
    reads = Reads(loaded={model_spec.key: {partition: ids}}, complete=True)
    return {metadata_keys.READS: encoded(reads)}


def _skipped_stage_version(
    instance: dg.DagsterInstance, key: dg.AssetKey, holder: StageHolder, partition: str | None
) -> str | None:
    """Return the data version of the older version in a previous stage that a version skipped."""
    newest = (
        None if holder.via_previous_stage else materializations.newest(instance, key, partition)
    )
    shown = materializations.version_named(newest.event) if newest else None
    if newest is None or shown is None or shown > holder.version:
        return None
    return (newest.event.tags or {}).get(metadata_keys.DATA_VERSION)
