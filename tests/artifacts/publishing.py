"""Publish and seal in one go, as a register does, and look at the tables afterwards."""

from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path

from psycopg import sql

from pedigree.artifacts.objects import ObjectStore
from pedigree.artifacts.publish import publish
from pedigree.artifacts.pull import pull
from pedigree.artifacts.records import Digest, Manifest
from pedigree.artifacts.store import BlobCollectedError, locate, seal
from pedigree.artifacts.sweep import SETTLE, expire_uploads, remove_orphans
from pedigree.postgres.database import Database
from pedigree.postgres.transaction import Transaction
from pedigree.signatures.records import Column, ColumnType, Signature

SIGNATURE = Signature(
    inputs=(Column(name="age", type=ColumnType.LONG),),
    outputs=(Column(name="churn", type=ColumnType.DOUBLE),),
)


def publish_and_seal(database: Database, store: ObjectStore, path: Path) -> Manifest:
    publication = publish(database, store, path, "generic", SIGNATURE)
    try:
        database.transaction(lambda transaction: seal(transaction, publication))
    except BlobCollectedError:
        return publish_and_seal(database, store, path)
    return publication.manifest


def keys_of(database: Database, manifest: Manifest) -> dict[Digest, str]:
    digests = {file.digest for file in manifest.files}
    return database.transaction(lambda transaction: locate(transaction, digests))


def pull_to(database: Database, store: ObjectStore, manifest: Manifest, destination: Path) -> Path:
    pull(store, manifest, keys_of(database, manifest), destination)
    return destination


def blob_keys(database: Database) -> dict[str, str]:
    rows = database.fetch_all("SELECT digest, key FROM pedigree.blob")
    return {row["digest"]: row["key"] for row in rows}


def incomplete_blobs(database: Database, store: ObjectStore) -> list[str]:
    """The keys of live blobs whose object is missing or incomplete."""
    rows = database.fetch_all("SELECT key, size FROM pedigree.blob")
    return [row["key"] for row in rows if store.size(row["key"]) != row["size"]]


def rows_left(database: Database) -> Mapping[str, int]:
    """How many uploads are under way, and how many keys are to be removed."""
    (row,) = database.fetch_all(
        "SELECT (SELECT count(*) FROM pedigree.upload WHERE keys IS NULL) AS uploads,"
        " (SELECT count(*) FROM pedigree.orphan) AS orphans"
    )
    return dict(row)


def sweep_expired(database: Database, store: ObjectStore, *, settle: timedelta = SETTLE) -> int:
    """Give up all uploads that are dead, and remove what no blob names, as a collection does."""
    uploads = database.fetch_all("SELECT upload_id FROM pedigree.upload")
    expire_uploads(database, [row["upload_id"] for row in uploads])
    keys = database.fetch_all("SELECT key FROM pedigree.orphan")
    return len(remove_orphans(database, store, [row["key"] for row in keys], settle=settle))


def let_orphans_settle(database: Database) -> None:
    """Let the time pass after which a removed key is removed once more and forgotten."""
    database.transaction(
        lambda transaction: (
            transaction.execute(
                "UPDATE pedigree.orphan SET removable_at = orphaned_at,"
                " orphaned_at = orphaned_at - interval '1 day'"
            ).rowcount
        )
    )


def expire_leases(database: Database) -> None:
    """Let the time pass after which an upload counts as dead."""
    database.transaction(
        lambda transaction: (
            transaction.execute(
                "UPDATE pedigree.upload SET lease_until = clock_timestamp() - interval '1 second'"
            ).rowcount
        )
    )


def forget_artifacts(database: Database) -> None:
    """Let the database know nothing of any artifact; its blobs stay live."""
    database.transaction(lambda transaction: _delete(transaction, "artifact_file", "artifact"))


def forget_bytes(database: Database) -> None:
    """Let the database know of no blob, and so of no artifact."""
    database.transaction(
        lambda transaction: _delete(transaction, "artifact_file", "artifact", "blob")
    )


def _delete(transaction: Transaction, *tables: str) -> None:
    for table in tables:
        transaction.execute(sql.SQL("DELETE FROM pedigree.{}").format(sql.Identifier(table)))
