"""Writes a whole registry of ours to a folder."""

import hashlib
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from pedigree.artifacts._verified import verified
from pedigree.artifacts.objects import ObjectStore
from pedigree.artifacts.store import StoredBlob, stored_blob
from pedigree.audit.sealer import checkpoint_over
from pedigree.errors import InvalidInputError
from pedigree.postgres.queries import load_queries
from pedigree.postgres.transaction import Row, Transaction, take_snapshot
from pedigree.registry import Registry
from pedigree.transfer.folder_layout import (
    BLOBS,
    LOG,
    MANIFEST,
    TABLES,
    FolderBlob,
    FolderManifest,
    blob_file,
    present_schema,
    table_file,
)
from pedigree.transfer.tables import PORTABLE, rows_of

SQL = load_queries(__package__)


class _Tables(NamedTuple):
    """What the snapshot of the tables had."""

    rows: dict[str, int]
    digests: dict[str, str]
    blobs: Sequence[StoredBlob]
    facts: Row


def export_registry(registry: Registry, folder: Path) -> FolderManifest:
    """Write a registry to a folder: its tables of one moment, its log, and all bytes.

    A further export into the same folder copies only the bytes that it lacks.

    Args:
        registry: The registry, whose principal may audit it and see all models.
        folder: A new folder, or one of an earlier or an interrupted export.

    Raises:
        InvalidInputError: The folder has other files, or cannot be written.
        NotPermittedError: The principal may not audit the registry.
        CorruptionError: The store lost bytes, or they do not match their digest.
        LogTamperedError: The log is not whole.
    """
    try:
        _prepare(folder)
        registry.operations.audit.export_log(folder / LOG)
        database, store = registry.database, registry.store
        tables = database.transaction(lambda transaction: _write_tables(transaction, folder))
        for stored in tables.blobs:
            _write_blob(store, stored, folder)
        manifest = FolderManifest(
            schema_version=present_schema(),
            exported_by=registry.context.actor().name,
            tables=tables.rows,
            digests=tables.digests,
            blobs=tuple(
                FolderBlob(digest=each.blob.digest, size=each.blob.size) for each in tables.blobs
            ),
            **tables.facts,
        )
        part = folder / f"{MANIFEST}.part"
        part.write_text(manifest.model_dump_json(indent=1), encoding="utf-8")
        part.replace(folder / MANIFEST)
    except OSError as error:
        raise _not_writable(folder, error.strerror or type(error).__name__) from error
    return manifest


def _prepare(folder: Path) -> None:
    """Make the folder, or let an earlier export be replaced; its bytes stay."""
    folder.mkdir(mode=0o700, exist_ok=True)  # it has names of people and hashes of tokens
    names = {path.name for path in folder.iterdir()}
    if names - {MANIFEST, f"{MANIFEST}.part", TABLES, BLOBS, LOG}:
        raise _not_writable(folder, "it has files that no export wrote")
    (folder / MANIFEST).unlink(missing_ok=True)
    for name in (TABLES, LOG):
        shutil.rmtree(folder / name, ignore_errors=True)
    (folder / TABLES).mkdir()
    (folder / BLOBS).mkdir(exist_ok=True)


def _write_tables(transaction: Transaction, folder: Path) -> _Tables:
    take_snapshot(transaction)
    rows: dict[str, int] = {}
    digests: dict[str, str] = {}
    for table in PORTABLE:
        sha256, rows[table] = hashlib.sha256(), 0
        with table_file(folder, table).open("wb") as file:
            for row in rows_of(transaction, table):
                line = f"{row}\n".encode()
                sha256.update(line)
                file.write(line)
                rows[table] += 1
        digests[table] = f"sha256:{sha256.hexdigest()}"
    (facts,) = transaction.execute(SQL["snapshot_facts"]).fetchall()
    checkpoint = checkpoint_over(transaction)
    facts["checkpoint"] = checkpoint.note if checkpoint else None
    blobs = [stored_blob(row) for row in transaction.execute(SQL["all_blobs"])]
    return _Tables(rows, digests, blobs, facts)


def _write_blob(store: ObjectStore, stored: StoredBlob, folder: Path) -> None:
    """Copy and verify a blob, unless an earlier export did."""
    digest, size = stored.blob
    file = blob_file(folder, digest)
    if file.exists():  # it got its name after its bytes were verified
        return
    file.parent.mkdir(exist_ok=True)
    part = file.with_name(f"{file.name}.part")
    with part.open("wb") as opened:
        chunks = store.stream(stored.key) if size else iter(())
        for chunk in verified(chunks, digest, stored.key):
            opened.write(chunk)
    part.replace(file)


def _not_writable(folder: Path, reason: str) -> InvalidInputError:
    return InvalidInputError(
        f"the export cannot be written: {reason}",
        field="FOLDER",
        value=str(folder),
        remedy="Name a new folder, or one that an earlier export wrote",
    )
