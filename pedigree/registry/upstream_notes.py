"""Notes for the tracking server: which versions were made of its logged models."""

import logging

from pedigree.errors import SourceUnavailableError
from pedigree.sources.resolving import ResolvedSource
from pedigree.sources.upstream import TrackingServer

_LOG = logging.getLogger(__name__)


def note(
    server: TrackingServer | None, found: ResolvedSource | None, name: str, version: int
) -> None:
    """Write a version into the tag of its logged model, so that MLflow's pages show it."""
    if server is None or found is None or found.model is None:
        return
    try:
        server.note_version(found.model.model_id, name, version)
    except SourceUnavailableError as error:
        _LOG.warning(
            "the tracking server does not note %s/%s: %s",
            name,
            version,
            error,
            extra={"action": "source.note", "reference": f"{name}/{version}"},
        )
