"""The commit of an asset's code, from its code references, the environment or the work tree."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import dagster as dg

from pedigree.dagster import metadata_keys
from pedigree.lineage.code import CodeState, current_code, stated_code
from pedigree.settings import Settings

# Paths of links at code forges: /tree/… and /blob/…, with /-/ before it on GitLab. A branch does
# not count as a commit: it points to different code later.
_COMMIT = re.compile(r"/(?:tree|blob|src/commit)/([0-9a-f]{40}|[0-9a-f]{64})(?:[/#?]|$)")
SOURCE = "code_references"


def code_of(settings: Settings, folder: Path, definition_metadata: Mapping[str, Any]) -> CodeState:
    """Return the commit of an asset's code, from the first source that has it.

    The order is: ``PEDIGREE_GIT_COMMIT``, which is explicit; a code reference of the asset's
    definition that links to a commit; the CI's variable; the work tree.

    Args:
        settings: This process's settings.
        folder: The folder of the asset's code.
        definition_metadata: The metadata of the asset's definition.

    Raises:
        InvalidMetadataError: None of them has the commit.
    """
    commit = None if settings.git_commit else _referenced(definition_metadata)
    if commit is not None:
        return stated_code(commit, folder, SOURCE)
    return current_code(settings, folder)


def _referenced(definition_metadata: Mapping[str, Any]) -> str | None:
    stated = definition_metadata.get(metadata_keys.CODE_REFERENCES)
    if not isinstance(stated, dg.CodeReferencesMetadataValue):
        return None
    for reference in stated.code_references:
        if isinstance(reference, dg.UrlCodeReference) and (found := _COMMIT.search(reference.url)):
            return found[1]
    return None
