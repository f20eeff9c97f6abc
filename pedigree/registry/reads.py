"""Reads that matter, as events: every operation with such a result goes through here."""

from typing import TYPE_CHECKING

from pydantic import JsonValue

from pedigree.audit.event_types import EventType

if TYPE_CHECKING:
    from pedigree.catalog.records import ModelVersion
    from pedigree.registry.context import Context


def note_download(context: "Context", version: "ModelVersion") -> None:
    """Write the event that the principal begins to read a version's bytes."""
    _note(context, EventType.VERSION_DOWNLOADED, {}, version)


def note_tokens_listed(context: "Context") -> None:
    """Write the event that the principal lists the tokens."""
    _note(context, EventType.TOKEN_LISTED, {"read": "tokens"})


def note_log_exported(context: "Context") -> None:
    """Write the event that the principal reads events of the sealed log with their proofs."""
    _note(context, EventType.LOG_EXPORTED, {"read": "log"})


def _note(
    context: "Context",
    event_type: EventType,
    body: dict[str, JsonValue],
    version: "ModelVersion | None" = None,
) -> None:
    """Write an event, once an hour for each principal, type and version."""
    context.noted_reads.note(
        context.database,
        event_type,
        context.actor(),
        body,
        model=version.model_name if version else None,
        version=version.version_id if version else None,
    )
