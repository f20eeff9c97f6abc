"""The pending version that a run judges: the mirror names it in the run's tags.

The version has no materialization before it is sealed. So its asset's checks read it by the tags
instead of the newest materialization, and nothing else of the run does.
"""

from collections.abc import Mapping

import dagster as dg

from pedigree.dagster import metadata_keys
from pedigree.dagster.capture.run_provenance import current_context
from pedigree.errors import InvalidInputError


def judging_tags(reference: str, asset: dg.AssetKey) -> dict[str, str]:
    """Return the tags of a run that judges a pending version of an asset's model."""
    return {
        metadata_keys.REGISTRATION: reference,
        metadata_keys.REGISTRATION_OF: asset.to_user_string(),
    }


def judged_version(tags: Mapping[str, str], asset: dg.AssetKey) -> str | None:
    """Return the pending version of an asset's model that a run with some tags judges, or None."""
    if tags.get(metadata_keys.REGISTRATION_OF) != asset.to_user_string():
        return None
    return tags.get(metadata_keys.REGISTRATION)


def judged_by_this_run(asset: dg.AssetKey) -> str | None:
    """Return the pending version of an asset's model that the running step judges, or None."""
    try:
        return judged_version(current_context().run.tags, asset)
    except InvalidInputError:
        return None  # loaded from a notebook, outside any run
