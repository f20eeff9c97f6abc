"""Versions that a step loads, recorded in the log of its run for people and sensors.

They are not observations of the upstream asset, which would hide the metrics of its latest
materialization.
"""

from typing import NamedTuple

import dagster as dg

# Not public; the instance's public method takes it.
from dagster._core.events import EngineEventData

from pedigree.catalog.records import ModelVersion
from pedigree.dagster import metadata_keys
from pedigree.dagster.capture.run_provenance import current_context, step_key_of
from pedigree.errors import InvalidInputError


class Load(NamedTuple):
    """A version that a step loaded; ``asset`` is the input's asset if an IO manager loaded it."""

    reference: str
    digest: str
    asset: dg.AssetKey | None


def report_load(version: ModelVersion, asset: dg.AssetKey | None = None) -> None:
    """Log that the running step loads a version; do nothing outside a run."""
    try:
        context = current_context()
    except InvalidInputError:
        return
    found = {metadata_keys.REFERENCE: version.reference, metadata_keys.DIGEST: version.data_version}
    if asset is not None:
        found[metadata_keys.LOADED_AS] = asset.to_user_string()
    what = f"{version.reference} is loaded" + (f" as {asset.to_user_string()}" if asset else "")
    context.instance.report_engine_event(
        what, context.run, EngineEventData(metadata=found), step_key=step_key_of(context)
    )


def load_of(event: dg.DagsterEvent) -> Load | None:
    """Return the load that an event of a run's log records, or None."""
    if event.event_type is not dg.DagsterEventType.ENGINE_EVENT:
        return None
    metadata = event.engine_event_data.metadata
    if metadata_keys.REFERENCE not in metadata or metadata_keys.DIGEST not in metadata:
        return None
    asset = metadata.get(metadata_keys.LOADED_AS)
    return Load(
        reference=str(metadata[metadata_keys.REFERENCE].value),
        digest=str(metadata[metadata_keys.DIGEST].value),
        asset=dg.AssetKey.from_user_string(str(asset.value)) if asset else None,
    )
