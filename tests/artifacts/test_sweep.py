from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path

import pytest

from pedigree.artifacts._upload import Upload
from pedigree.artifacts.objects import staging_key
from pedigree.artifacts.paths import scan
from pedigree.artifacts.publish import discard, publish
from pedigree.artifacts.store import BlobCollectedError, seal
from pedigree.errors import StoreUnavailableError
from pedigree.postgres.database import Database
from tests.artifacts.probes import LocalProbe, Probe
from tests.artifacts.publishing import (
    SIGNATURE,
    blob_keys,
    expire_leases,
    let_orphans_settle,
    publish_and_seal,
    rows_left,
    sweep_expired,
)

Make = Callable[[Mapping[str, bytes]], Path]
AT_ONCE = timedelta(0)


@pytest.mark.contract
def test_a_sweep_removes_what_a_dead_upload_left_and_nothing_else(
    database: Database, probe: Probe, make_folder: Make
) -> None:
    publish_and_seal(database, probe.store, make_folder({"a": b"kept"}))
    files = {"a": b"kept", "b": b"lost", "c": b"also lost"}
    publish(database, probe.store, make_folder(files), "generic", SIGNATURE)
    assert sweep_expired(database, probe.store) == 0, "its lease runs"
    assert len(probe.keys()) == 3
    expire_leases(database)
    assert sweep_expired(database, probe.store) == 3, "two objects, and what was staged"
    assert probe.keys() == set(blob_keys(database).values())
    assert rows_left(database) == {"uploads": 0, "orphans": 3}, "remembered for late requests"
    assert sweep_expired(database, probe.store) == 0, "their objects are gone already"
    let_orphans_settle(database)
    assert sweep_expired(database, probe.store) == 3, "once more"
    assert rows_left(database) == {"uploads": 0, "orphans": 0}


def test_a_write_that_lands_after_the_sweep_is_removed_by_the_next(
    database: Database, probe: Probe, make_folder: Make
) -> None:
    publication = publish(database, probe.store, make_folder({"a": b"x"}), "generic", SIGNATURE)
    expire_leases(database)
    sweep_expired(database, probe.store)
    probe.store.put(publication.stored[0].key, b"x")
    let_orphans_settle(database)
    sweep_expired(database, probe.store)
    assert probe.keys() == set()


def test_what_was_staged_and_never_hashed_is_removed(
    database: Database, local_probe: LocalProbe, make_folder: Make
) -> None:
    upload = Upload(database, local_probe.store)
    upload.open()
    intake = local_probe.store.intake(upload.upload_id)
    intake.take(scan(make_folder({"a": b"x"}))[0])
    assert local_probe.keys() == {f"{staging_key(upload.upload_id)}/0"}
    expire_leases(database)
    sweep_expired(database, local_probe.store)
    assert local_probe.keys() == set()


def test_a_sealed_publication_is_not_abandoned_any_more(
    database: Database, local_probe: LocalProbe, make_folder: Make
) -> None:
    folder = make_folder({"a": b"x"})
    publication = publish(database, local_probe.store, folder, "generic", SIGNATURE)
    database.transaction(lambda transaction: seal(transaction, publication))
    discard(database, local_probe.store, publication)
    assert local_probe.keys() == set(blob_keys(database).values())


def test_a_sweep_goes_on_where_one_was_stopped(
    database: Database, probe: Probe, make_folder: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    publish(database, probe.store, make_folder({"a": b"x"}), "generic", SIGNATURE)
    expire_leases(database)

    def fail(_self: object, _keys: object) -> None:
        raise StoreUnavailableError("the network is down")

    monkeypatch.setattr(type(probe.store), "delete", fail)
    with pytest.raises(StoreUnavailableError):
        sweep_expired(database, probe.store)
    monkeypatch.undo()
    assert rows_left(database) == {"uploads": 0, "orphans": 2}
    sweep_expired(database, probe.store)
    assert probe.keys() == set()


def test_a_lease_is_renewed_while_the_upload_lives_and_not_after_a_sweep(
    database: Database, local_probe: LocalProbe, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pedigree.artifacts._upload._RENEW_AFTER_S", 0.01)
    upload = Upload(database, local_probe.store)
    upload.open()
    expire_leases(database)

    def work(until_expired: bool) -> None:
        query = "SELECT lease_until > clock_timestamp() AS leased FROM pedigree.upload"
        while [row["leased"] for row in database.fetch_all(query)] != [True]:
            pass

    upload.each(work, [True])
    expire_leases(database)
    monkeypatch.setattr("pedigree.artifacts._upload._RENEW_AFTER_S", 600)
    sweep_expired(database, local_probe.store)
    with pytest.raises(BlobCollectedError):
        upload._renew()


def test_sweeps_and_seals_at_once_lose_nothing_that_was_sealed(
    database: Database, local_probe: LocalProbe, make_folder: Make
) -> None:
    """Every lease has expired, so a sweep may take each upload at any moment."""
    publications = [
        publish(
            database, local_probe.store, make_folder({"a": bytes([number])}), "generic", SIGNATURE
        )
        for number in range(60)
    ]
    expire_leases(database)

    def sealed(number: int) -> bool:
        if number % 5 == 0:
            sweep_expired(database, local_probe.store)
        try:
            database.transaction(lambda transaction: seal(transaction, publications[number]))
        except BlobCollectedError:
            return False
        return True

    with ThreadPoolExecutor(6) as pool:
        succeeded = [
            publication
            for publication, done in zip(publications, pool.map(sealed, range(60)), strict=True)
            if done
        ]
    sweep_expired(database, local_probe.store)
    expected = {blob.key for publication in succeeded for blob in publication.stored}
    assert set(blob_keys(database).values()) == expected == local_probe.keys()
