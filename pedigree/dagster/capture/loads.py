"""Which versions a step loads: written to the log of its run, where people and sensors read it.

No observation of the upstream asset says so: it would hide the metrics of the materialization that
it follows.
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
    """A version that a step loaded; ``asset`` is what it loaded it as, where an IO manager did."""

    reference: str
    digest: str
    asset: dg.AssetKey | None


def report_load(version: ModelVersion, asset: dg.AssetKey | None = None) -> None:
    """Write to the log of the running step that it loads a version; nothing outside a run."""
    try:
        context = current_context()
    except InvalidInputError:
        return
    found = {metadata_keys.REFERENCE: version.reference, metadata_keys.DIGEST: version.digest}
    if asset is not None:
        found[metadata_keys.LOADED_AS] = asset.to_user_string()
    what = f"{version.reference} is loaded" + (f" as {asset.to_user_string()}" if asset else "")
    context.instance.report_engine_event(
        what, context.run, EngineEventData(metadata=found), step_key=step_key_of(context)
    )


def load_of(event: dg.DagsterEvent) -> Load | None:
    """Return the load that an event of a run's log tells of, if it does."""
    if event.event_type is not dg.DagsterEventType.ENGINE_EVENT:
        return None
    said = event.engine_event_data.metadata
    if metadata_keys.REFERENCE not in said or metadata_keys.DIGEST not in said:
        return None
    asset = said.get(metadata_keys.LOADED_AS)
    return Load(
        reference=str(said[metadata_keys.REFERENCE].value),
        digest=str(said[metadata_keys.DIGEST].value),
        asset=dg.AssetKey.from_user_string(str(asset.value)) if asset else None,
    )
