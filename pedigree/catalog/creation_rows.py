"""The parts of documents for the database's functions that create and seal versions."""

from collections.abc import Mapping
from typing import Any
from uuid import uuid4

from pydantic import JsonValue

from pedigree.artifacts.records import Digest, Manifest
from pedigree.artifacts.store import StoredBlob
from pedigree.audit.event_types import EventType
from pedigree.audit.records import canonical_event
from pedigree.catalog.metadata_fields import about_fields
from pedigree.catalog.metadata_records import RecordedMetadata
from pedigree.catalog.records import StatedVersion

_FIELDS = about_fields(RecordedMetadata)
VERSION_FIELDS = tuple(name for name, about in _FIELDS.items() if about.shown)
TRAINING_FIELDS = tuple(name for name, about in _FIELDS.items() if about.trained)


def artifact_row(manifest: Manifest) -> dict[str, Any]:
    """Return an artifact and its files."""
    return {
        "digest": manifest.digest,
        "size": manifest.size,
        "files": [{"path": each.path, "digest": each.digest} for each in manifest.files],
    }


def stored_row(stored: StoredBlob) -> dict[str, Any]:
    """Return bytes that an upload stored."""
    return {**stored.blob._asdict(), "key": stored.key}


def version_row(metadata: RecordedMetadata) -> dict[str, Any]:
    """Return what a version shows of its metadata."""
    return {name: getattr(metadata, name) for name in VERSION_FIELDS}


def training_rows(new: StatedVersion, training_id: str, *, restated: int = 0) -> dict[str, Any]:
    """Return a training with its packages; and whether an asset graph is to show it."""
    metadata, origin = new.metadata, new.origin
    rows: dict[str, Any] = {
        "training": {
            **{name: getattr(metadata, name) for name in TRAINING_FIELDS},
            **origin.model_dump(),
            "training_id": training_id,
            "raced": new.lineage.raced,
            "lineage_recorded": bool(new.lineage.nodes),
            "verification": new.verification,
            "restated": restated,
        }
    }
    if metadata.environment_hash and new.environment:
        rows["packages"] = new.environment
    if origin.instance_id and origin.asset:
        rows["awaits"] = True
    return rows


def stated_body(
    new: StatedVersion, digest: Digest | None, training_id: str | None
) -> dict[str, JsonValue]:
    """Return the body of the event of a new version or a further training.

    Args:
        new: What is stated.
        digest: The digest; None if the registry does not have the bytes.
        training_id: The training; None if none is known.
    """
    metadata = new.metadata
    return {
        "description": metadata.description,
        "owners": list(metadata.owners),
        "tags": dict(metadata.tags),
        "digest": digest,
        "training_id": training_id,
        "run_id": metadata.run_id,
        "git_commit": metadata.git_commit,
        "git_dirty": metadata.git_dirty,
        "training_data_digest": metadata.training_data_digest,
        "environment_hash": metadata.environment_hash,
        "metrics": dict(metadata.metrics),
        "verification": new.verification.model_dump(mode="json"),
    }


def event_row(
    name: str,
    hole: str,
    kind: EventType,
    body: Mapping[str, JsonValue],
    *,
    version: str | None = "version",
) -> dict[str, str]:
    """Return an event whose RFC 8785 text lacks only the values of the holes."""
    event_id = str(uuid4())
    content: dict[str, JsonValue] = {
        "event_id": event_id,
        "type": kind.value,
        "model": name,
        "version": None if version is None else f"{hole}{version}",
        "at": f"{hole}time",
        "actor": f"{hole}actor",
        "body": dict(body),
    }
    canonical = canonical_event(kind, content).decode()
    return {"event_id": event_id, "type": kind.value, "canonical": canonical}
