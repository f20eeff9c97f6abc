from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psycopg
import pytest

from pedigree.artifacts.objects import ObjectStore
from pedigree.artifacts.publish import publish
from pedigree.artifacts.records import digest_of
from pedigree.artifacts.store import (
    BlobCollectedError,
    StagedArtifact,
    locate,
    lock_blobs,
    seal,
)
from pedigree.errors import CorruptionError
from pedigree.postgres.database import Database
from pedigree.postgres.transaction import Transaction
from tests.artifacts.probes import LocalProbe
from tests.artifacts.publishing import (
    SIGNATURE,
    blob_keys,
    expire_leases,
    forget_artifacts,
    publish_and_seal,
    rows_left,
    sweep_expired,
)

Make = Callable[[Mapping[str, bytes]], Path]
Publish = Callable[[Mapping[str, bytes]], StagedArtifact]


@pytest.fixture
def store(local_probe: LocalProbe) -> ObjectStore:
    return local_probe.store


@pytest.fixture
def published(database: Database, store: ObjectStore, make_folder: Make) -> Publish:
    """`published({"a": b"x"})` is published and not sealed."""
    return lambda files: publish(database, store, make_folder(files), "generic", SIGNATURE)


def seal_now(database: Database, publication: StagedArtifact) -> None:
    database.transaction(lambda transaction: seal(transaction, publication))


def collect(transaction: Transaction, *contents: bytes) -> None:
    """Remove blobs as garbage collection does: the row goes, the key becomes an orphan."""
    transaction.execute(
        "WITH gone AS (DELETE FROM pedigree.blob WHERE digest = ANY(%s) RETURNING key)"
        " INSERT INTO pedigree.orphan (key) SELECT key FROM gone",
        [[digest_of(content) for content in contents]],
    )


def test_sealing_again_after_a_lost_answer_changes_nothing(
    database: Database, published: Publish
) -> None:
    publication = published({"a": b"x"})
    seal_now(database, publication)
    known = blob_keys(database)
    seal_now(database, publication)
    assert blob_keys(database) == known
    assert rows_left(database) == {"uploads": 0, "orphans": 0}


def test_a_rolled_back_seal_can_be_sealed_later(database: Database, published: Publish) -> None:
    publication = published({"a": b"x"})

    def refuse(transaction: Transaction) -> None:
        seal(transaction, publication)
        raise CorruptionError("another part of the registration failed")

    with pytest.raises(CorruptionError):
        database.transaction(refuse)
    assert blob_keys(database) == {}
    seal_now(database, publication)
    assert len(blob_keys(database)) == 1


def test_a_publication_that_was_swept_is_not_sealed(
    database: Database, store: ObjectStore, published: Publish, local_probe: LocalProbe
) -> None:
    publication = published({"a": b"x"})
    expire_leases(database)
    sweep_expired(database, store)
    with pytest.raises(BlobCollectedError):
        seal_now(database, publication)
    assert local_probe.keys() == set()
    assert blob_keys(database) == {}


def test_live_bytes_that_were_collected_after_publishing_are_not_sealed(
    database: Database, store: ObjectStore, published: Publish, make_folder: Make
) -> None:
    seal_now(database, published({"a": b"x"}))
    forget_artifacts(database)
    publication = published({"a": b"x", "b": b"y"})
    assert [stored.blob.digest for stored in publication.stored] == [digest_of(b"y")]
    database.transaction(lambda tx: collect(tx, b"x"))
    with pytest.raises(BlobCollectedError):
        seal_now(database, publication)
    old = database.fetch_all("SELECT key FROM pedigree.orphan")[0]["key"]
    manifest = publish_and_seal(database, store, make_folder({"a": b"x", "b": b"y"}))
    assert manifest == publication.manifest
    assert blob_keys(database)[digest_of(b"x")] != old, "a key is never written twice"
    sweep_expired(database, store)
    assert all(store.size(key) == 1 for key in blob_keys(database).values())


def test_the_second_seal_leaves_its_bytes_as_orphans(
    database: Database, store: ObjectStore, published: Publish, local_probe: LocalProbe
) -> None:
    first, second = published({"a": b"x"}), published({"a": b"x"})
    seal_now(database, first)
    seal_now(database, second)
    assert list(blob_keys(database).values()) == [blob.key for blob in first.stored]
    assert rows_left(database) == {"uploads": 0, "orphans": 1}
    sweep_expired(database, store)
    assert local_probe.keys() == {blob.key for blob in first.stored}


def test_a_sealed_blob_cannot_be_collected_before_the_transaction_ends(
    database: Database, database_url: str, published: Publish
) -> None:
    publication = published({"a": b"x"})
    seal_now(database, publication)

    def try_to_collect(transaction: Transaction) -> None:
        seal(transaction, publication)
        with psycopg.connect(database_url) as other, pytest.raises(psycopg.errors.LockNotAvailable):
            other.execute("SELECT 1 FROM pedigree.blob FOR UPDATE NOWAIT")

    database.transaction(try_to_collect)


def test_a_blob_of_an_artifact_cannot_be_removed_at_all(
    database: Database, published: Publish
) -> None:
    seal_now(database, published({"a": b"x"}))
    with pytest.raises(psycopg.errors.ForeignKeyViolation):
        database.transaction(lambda tx: collect(tx, b"x"))


def test_overlapping_artifacts_are_sealed_at_once_without_deadlock(
    database: Database, published: Publish
) -> None:
    contents = [bytes([number]) for number in range(20)]
    publications = [
        published({f"{turn}{number}": content for number, content in enumerate(contents)})
        for turn in range(8)
    ]
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda publication: seal_now(database, publication), publications))
    assert len(blob_keys(database)) == 20
    assert rows_left(database) == {"uploads": 0, "orphans": 7 * 20}


def test_blobs_that_live_can_be_located_and_locked(database: Database, published: Publish) -> None:
    publication = published({"a": b"x", "b": b"y"})
    seal_now(database, publication)
    digests = {stored.blob.digest for stored in publication.stored}
    located = database.transaction(lambda tx: locate(tx, digests))
    assert located == {stored.blob.digest: stored.key for stored in publication.stored}
    database.transaction(lambda tx: lock_blobs(tx, digests))
    with pytest.raises(BlobCollectedError, match=digest_of(b"never")):
        database.transaction(lambda tx: lock_blobs(tx, {*digests, digest_of(b"never")}))
    with pytest.raises(CorruptionError, match=digest_of(b"never")):
        database.transaction(lambda tx: locate(tx, {*digests, digest_of(b"never")}))
