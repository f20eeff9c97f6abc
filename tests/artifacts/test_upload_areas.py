"""Upload areas: files by paths, each principal's own, kept while they are used."""

import threading
from pathlib import Path
from uuid import uuid4

import httpx2
import pytest

from pedigree.artifacts.records import Blob, digest_of
from pedigree.artifacts.upload_areas import UploadArea, children, keep_area
from pedigree.audit.records import Actor
from pedigree.errors import (
    InvalidArtifactError,
    NotFoundError,
    UnsupportedByStoreError,
    UploadNotFoundError,
)
from pedigree.postgres.database import Database
from pedigree.registry import Registry
from pedigree.settings import Settings
from tests.artifacts.probes import Probe

ANN = Actor(name="ann", source="token")
BOB = Actor(name="bob", source="token")


def content(registry: Registry, name: str, path: str) -> bytes:
    _, chunks = registry.operations.upload_areas.stream_file(name, path)
    return b"".join(chunks)


def test_a_file_is_read_as_it_was_put_and_replaced(registry: Registry) -> None:
    areas = registry.operations.upload_areas
    areas.put_content("new", "data/model.bin", b"first")
    areas.put_content("new", "data/model.bin", b"second")
    areas.put_content("new", "MLmodel", b"second")
    assert content(registry, "new", "data/model.bin") == b"second"
    assert [file.path for file in areas.files("new")] == ["MLmodel", "data/model.bin"]
    assert children(areas.files("new"), "data") == (("model.bin", 6),)


def test_a_received_file_is_kept_by_its_bytes(registry: Registry, tmp_path: Path) -> None:
    received = tmp_path / str(uuid4())
    received.write_bytes(b"weights" * 1000)
    blob = Blob(digest_of(b"weights" * 1000), 7000)
    registry.operations.upload_areas.put_file("new", "model.bin", received, blob)
    assert content(registry, "new", "model.bin") == b"weights" * 1000
    with pytest.raises(InvalidArtifactError):
        registry.operations.upload_areas.put_file(
            "new", "other.bin", received, Blob(digest_of(b"other"), 7000)
        )


def test_nobody_sees_the_upload_of_another_principal(registry: Registry) -> None:
    registry.acting_as(ANN).operations.upload_areas.put_content("new", "model.bin", b"of ann")
    bobs = registry.acting_as(BOB).operations.upload_areas
    assert bobs.files("new") == ()
    with pytest.raises(NotFoundError):
        bobs.stream_file("new", "model.bin")
    with pytest.raises(NotFoundError):
        bobs.remove("new", "model.bin")
    bobs.put_content("new", "model.bin", b"of bob")
    assert content(registry.acting_as(ANN), "new", "model.bin") == b"of ann"


@pytest.mark.parametrize(
    "path", ["../a", "/a", "a//b", "a\\b", "a/../b", "", "C:/a", ".pedigree/a"]
)
def test_a_path_that_no_version_may_have_is_refused(registry: Registry, path: str) -> None:
    with pytest.raises(InvalidArtifactError):
        registry.operations.upload_areas.put_content("new", path, b"a")
    assert registry.operations.upload_areas.files("new") == ()


def test_a_removed_folder_is_gone_and_its_bytes_are_let_go(registry: Registry) -> None:
    areas = registry.operations.upload_areas
    areas.put_content("new", "data/a", b"same")
    areas.put_content("new", "data/b", b"other")
    areas.put_content("new", "datab", b"same")
    areas.remove("new", "data")
    assert [file.path for file in areas.files("new")] == ["datab"]
    kept = registry.database.fetch_all("SELECT digest FROM pedigree.upload_file")
    assert [row["digest"] for row in kept] == [digest_of(b"same")]
    with pytest.raises(NotFoundError):
        areas.remove("new", "data")


def test_an_upload_that_is_not_used_ends_and_its_bytes_are_collected(registry: Registry) -> None:
    areas = registry.operations.upload_areas
    areas.put_content("new", "model.bin", b"unused")
    registry.database.transaction(
        lambda tx: tx.execute(
            "UPDATE pedigree.upload_session SET lease_until = clock_timestamp() - interval '1s'"
        )
    )
    assert areas.files("new") == ()
    with registry.plan_gc() as plan:
        registry.gc(plan)
    left = registry.database.fetch_all(
        "SELECT digest FROM pedigree.blob WHERE digest = %(digest)s",
        {"digest": digest_of(b"unused")},
    )
    assert left == []
    areas.put_content("new", "model.bin", b"again")
    assert content(registry, "new", "model.bin") == b"again"


def test_the_bytes_of_an_upload_in_use_outlive_a_collection(registry: Registry) -> None:
    registry.operations.upload_areas.put_content("new", "model.bin", b"in use")
    with registry.plan_gc() as plan:
        registry.gc(plan)
    assert content(registry, "new", "model.bin") == b"in use"


def test_clients_that_begin_an_upload_at_once_share_it(registry: Registry) -> None:
    area, found = UploadArea.of("ann", "new"), []

    def begin() -> None:
        found.append(registry.database.transaction(lambda tx: keep_area(tx, area)))

    threads = [threading.Thread(target=begin) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 6
    assert len(set(found)) == 1


def test_a_folder_signs_no_urls_for_parts(registry: Registry) -> None:
    with pytest.raises(UnsupportedByStoreError):
        registry.operations.upload_areas.begin_parts("new", "model.bin", 2)


@pytest.mark.contract
@pytest.mark.parametrize("probe", ["swift", "ceph"], indirect=True)
def test_a_file_in_parts_is_put_together_and_hashed(
    database: Database, probe: Probe, home: Path
) -> None:
    areas = Registry(
        database, probe.store, Settings(home=home, actor="tester")
    ).operations.upload_areas
    parts = (b"a" * (5 << 20), b"b" * (5 << 20), b"end")
    begun, urls = areas.begin_parts("new", "data/model.bin", len(parts))
    for url, part in zip(urls[:2], parts[:2], strict=True):
        httpx2.put(url, content=part).raise_for_status()
    with pytest.raises(InvalidArtifactError, match="was not sent"):
        areas.complete_parts("new", "data/model.bin", begun)
    assert areas.files("new") == ()
    httpx2.put(urls[2], content=parts[2]).raise_for_status()
    with pytest.raises(UploadNotFoundError):
        areas.complete_parts("new", "other.bin", begun)
    areas.complete_parts("new", "data/model.bin", begun)
    (file,) = areas.files("new")
    assert (file.path, file.digest) == ("data/model.bin", digest_of(b"".join(parts)))
    # Whoever still has a URL changes nothing by it.
    httpx2.put(urls[0], content=b"other").raise_for_status()
    _, chunks = areas.stream_file("new", "data/model.bin")
    assert b"".join(chunks) == b"".join(parts)
    with pytest.raises(UploadNotFoundError):
        areas.complete_parts("new", "data/model.bin", begun)
    assert [*(home / "incoming").iterdir()] == []


@pytest.mark.contract
@pytest.mark.parametrize("probe", ["swift", "ceph"], indirect=True)
def test_a_file_in_parts_can_be_given_up(database: Database, probe: Probe, home: Path) -> None:
    registry = Registry(database, probe.store, Settings(home=home, actor="tester"))
    areas = registry.operations.upload_areas
    begun, _ = areas.begin_parts("new", "model.bin", 1)
    with pytest.raises(UploadNotFoundError):
        registry.acting_as(BOB).operations.upload_areas.abort_parts("new", "model.bin", begun)
    areas.abort_parts("new", "model.bin", begun)
    with pytest.raises(UploadNotFoundError):
        areas.complete_parts("new", "model.bin", begun)
