"""Reads a whole registry of ours from a folder, into an empty one."""

import hashlib
from collections.abc import Iterator
from pathlib import Path

from pydantic import JsonValue

from pedigree.artifacts.publish import publish
from pedigree.artifacts.store import StagedArtifact, close_upload
from pedigree.audit import log
from pedigree.audit.event_types import EventType
from pedigree.errors import CorruptionError, InvalidInputError, NotPermittedError
from pedigree.postgres.queries import load_queries
from pedigree.postgres.roles import is_fenced
from pedigree.postgres.transaction import Transaction
from pedigree.registry import Registry
from pedigree.registry.context import Context
from pedigree.signatures.records import Signature, Tensor
from pedigree.transfer.folder_layout import (
    BLOBS,
    FolderManifest,
    blob_file,
    read_manifest,
    table_file,
)
from pedigree.transfer.tables import insert_rows, is_empty

SQL = load_queries(__package__)

# Bytes are published as one artifact, which nobody seals.
_BYTES = Tensor(dtype="uint8", shape=(-1,))
_OF_NO_MODEL = Signature(inputs=(_BYTES,), outputs=(_BYTES,))


def import_registry(registry: Registry, folder: Path) -> FolderManifest:
    """Bring a registry from a folder into an empty one; all of it or nothing.

    The events keep their places, times, actors and bytes: they are the log of the origin. One more
    event says who imported them, from where and when, with the newest checkpoint that the origin
    signed. Its keys, checkpoints and anchors are not taken over: this registry signs by its own.

    Args:
        registry: An empty registry, on a connection of the owner of the schema.
        folder: A folder that :func:`pedigree.transfer.registry_export.export_registry` wrote.

    Raises:
        InvalidInputError: The folder is not complete or of another release, or the registry is not
            empty.
        CorruptionError: A file of the folder does not match the manifest.
        NotPermittedError: The connection is not one of the owner.
    """
    manifest = read_manifest(folder)
    if is_fenced(registry.database):
        raise NotPermittedError(
            "the connection does not own the tables",
            field="database",
            remedy="Set PEDIGREE_DATABASE_OWNER_URL to the URL of the owner of the schema",
        )
    if not registry.database.read(is_empty):
        raise _not_empty()
    for table, digest in manifest.digests.items():
        _require_file(table_file(folder, table), digest)
    published = _publish(registry, folder, manifest)
    registry.context.transaction(lambda joined: _write(joined, folder, manifest, published))
    log.sequence(registry.database)
    return manifest


def _publish(registry: Registry, folder: Path, manifest: FolderManifest) -> StagedArtifact | None:
    """Store the bytes, under keys that a collection finds if this process dies."""
    for each in manifest.blobs:
        if not blob_file(folder, each.digest).is_file():
            raise _damaged(blob_file(folder, each.digest), "it is missing")
    if not manifest.blobs:
        return None
    published = publish(registry.database, registry.store, folder / BLOBS, "generic", _OF_NO_MODEL)
    for file in published.manifest.files:
        if not file.digest.endswith(f":{Path(file.path).name}"):
            raise _damaged(folder / BLOBS / file.path, "its bytes are others than its name says")
    return published


def _write(
    context: Context, folder: Path, manifest: FolderManifest, published: StagedArtifact | None
) -> None:
    def write(transaction: Transaction) -> None:
        transaction.execute("SET LOCAL statement_timeout = 0")
        if not is_empty(transaction):
            raise _not_empty()
        if published is not None and published.upload_id is not None:
            close_upload(transaction, published.upload_id, published.stored)
        for table in manifest.tables:
            insert_rows(transaction, table, _lines(table_file(folder, table)))
        (now,) = transaction.execute(SQL["time_now"]).fetchall()
        body: dict[str, JsonValue] = {
            "from": "registry",
            "origin": manifest.registry_id,
            "exported_at": manifest.exported_at.isoformat(),
            "exported_by": manifest.exported_by,
            "events": manifest.events,
            "checkpoint": manifest.checkpoint,
        }
        log.record(
            transaction, EventType.REGISTRY_IMPORTED, body, at=now["at"], actor=context.actor()
        )

    context.database.transaction(write)


def _lines(file: Path) -> Iterator[str]:
    with file.open(encoding="utf-8", newline="\n") as opened:
        for line in opened:
            yield line.removesuffix("\n")


def _require_file(file: Path, digest: str) -> None:
    try:
        with file.open("rb") as opened:
            found = hashlib.file_digest(opened, "sha256").hexdigest()
    except OSError as error:
        raise _damaged(file, error.strerror or "it cannot be read") from error
    if f"sha256:{found}" != digest:
        raise _damaged(file, "its bytes are others than the manifest says")


def _damaged(file: Path, reason: str) -> CorruptionError:
    return CorruptionError(
        f"the folder is damaged: {reason}",
        field="FOLDER",
        value=str(file),
        remedy="Export it again",
    )


def _not_empty() -> InvalidInputError:
    return InvalidInputError(
        "the registry is not empty",
        field="registry",
        remedy="Import into a new registry: an empty database and an empty store",
    )
