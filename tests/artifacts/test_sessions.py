"""Uploads file by file, to every kind of store: only verified bytes are trusted."""

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from uuid import UUID, uuid4

import httpx2
import pytest

from pedigree.artifacts.objects import ObjectStore
from pedigree.artifacts.records import ManifestFile, UploadSession, WantedFile, digest_of
from pedigree.audit.records import Actor
from pedigree.errors import (
    BytesMissingError,
    InvalidArtifactError,
    NameTakenError,
    UploadNotFoundError,
)
from pedigree.postgres.database import Database
from pedigree.registry import Registry
from pedigree.settings import Settings
from tests.factories import new_version
from tests.maintenance.collecting import collect

CONTENTS = (b"weights", b"", b"x" * 300_000)


def wanted(*contents: bytes) -> list[WantedFile]:
    return [WantedFile(digest=digest_of(content), size=len(content)) for content in contents]


def listed(*contents: bytes) -> list[ManifestFile]:
    return [
        ManifestFile(path=f"part-{place}", size=len(content), digest=digest_of(content))
        for place, content in enumerate(contents)
    ]


@pytest.fixture
def registry(database: Database, store: ObjectStore, tmp_path: Path) -> Registry:
    """A registry over each kind of store."""
    window = timedelta(0)
    settings = Settings(home=tmp_path / "home", actor="tester", retention_window=window)
    return Registry(database, store, settings)


@pytest.fixture
def send(registry: Registry, tmp_path: Path) -> Callable[..., None]:
    """Put some bytes as those of a file of an upload, by its URL where it has one."""

    def send(begun: UploadSession, digest: str, content: bytes) -> None:
        (file,) = [file for file in begun.files if file.digest == digest]
        if file.url:
            httpx2.put(file.url, content=content).raise_for_status()
            return
        received = tmp_path / str(uuid4())
        received.write_bytes(content)
        found = registry.operations.uploads.wanted_file(begun.model, begun.upload_id, digest)
        registry.operations.uploads.keep_file(begun.upload_id, found, received)

    return send


def take_over(registry: Registry, begun: UploadSession) -> None:
    registry.operations.uploads.fetch_uploaded(begun.model, begun.upload_id)


@pytest.mark.contract
def test_files_come_one_by_one_and_become_a_version(
    registry: Registry, send: Callable[..., None], tmp_path: Path
) -> None:
    begun = registry.begin_upload("churn", wanted(*CONTENTS))
    assert len(begun.missing) == 3
    for content in CONTENTS:
        with pytest.raises(BytesMissingError, match=digest_of(CONTENTS[-1])):
            registry.register_files("churn", listed(*CONTENTS), new_version())
        send(begun, digest_of(content), content)
        take_over(registry, begun)
    assert registry.upload("churn", begun.upload_id).missing == ()
    done = registry.register_files(
        "churn", listed(*CONTENTS), new_version(), upload_id=begun.upload_id
    )
    assert done.created
    pulled = tmp_path / "pulled"
    registry.pull(done.version.reference, pulled)
    assert [(pulled / f"part-{place}").read_bytes() for place in range(3)] == [*CONTENTS]
    _, rest = registry.stream(done.version.reference, "part-2", start=299_990)
    assert b"".join(rest) == b"x" * 10
    _, nothing = registry.stream(done.version.reference, "part-1")
    assert b"".join(nothing) == b""
    with pytest.raises(UploadNotFoundError):
        registry.upload("churn", begun.upload_id)
    assert registry.fsck(hashes=True).ok


def test_bytes_that_are_there_are_not_asked_for_again(
    registry: Registry, send: Callable[..., None]
) -> None:
    begun = registry.begin_upload("churn", wanted(b"a", b"b"))
    for content in (b"a", b"b"):
        send(begun, digest_of(content), content)
    take_over(registry, begun)
    registry.register_files("churn", listed(b"a", b"b"), new_version(), upload_id=begun.upload_id)
    other = registry.begin_upload("other", wanted(b"b", b"c"))
    assert [file.digest for file in other.missing] == [digest_of(b"c")]
    again = registry.register_files("churn", listed(b"a", b"b"), new_version(run_id="run-2"))
    assert (again.created, again.version.trainings) == (False, 2)


def test_who_knows_a_digest_must_send_the_bytes_unless_they_may_read_them(
    registry: Registry, send: Callable[..., None]
) -> None:
    content, other = b"weights", b"seven!!"
    theirs = registry.begin_upload("theirs", wanted(content))
    send(theirs, digest_of(content), content)
    take_over(registry, theirs)
    registry.register_files("theirs", listed(content), new_version(), upload_id=theirs.upload_id)
    objects = registry.database.fetch_all("SELECT digest, key FROM pedigree.blob ORDER BY digest")

    mine = registry.acting_as(Actor(name="me", source="token"), sees=["mine*"])
    with pytest.raises(BytesMissingError, match=digest_of(content)):
        mine.register_files("mine", listed(content), new_version())
    begun = mine.begin_upload("mine", wanted(content))
    assert [file.digest for file in begun.missing] == [digest_of(content)]
    with pytest.raises(BytesMissingError):
        mine.register_files("mine", listed(content), new_version(), upload_id=begun.upload_id)
    if begun.missing[0].url:
        send(begun, digest_of(content), other)
        with pytest.raises(InvalidArtifactError, match="do not have the digest"):
            take_over(mine, begun)
    send(mine.upload("mine", begun.upload_id), digest_of(content), content)
    take_over(mine, begun)
    assert mine.upload("mine", begun.upload_id).missing == ()
    mine.register_files("mine", listed(content), new_version(), upload_id=begun.upload_id)
    known = "SELECT digest, key FROM pedigree.blob WHERE digest = %(digest)s"
    (blob,) = registry.database.fetch_all(known, {"digest": digest_of(content)})
    assert blob in objects  # existing bytes are not stored twice
    assert mine.begin_upload("mine-too", wanted(content)).missing == ()
    anybody = registry.acting_as(Actor(name="all", source="token"), sees=())
    assert anybody.begin_upload("new", wanted(content)).missing == ()
    opened = registry.begin_upload("open", wanted(other))
    send(opened, digest_of(other), other)
    take_over(registry, opened)
    assert len(anybody.begin_upload("new", wanted(other)).missing) == 1


@pytest.mark.contract
@pytest.mark.parametrize("wrong", [b"seven!!", b"short"], ids=["other bytes", "another size"])
def test_other_bytes_than_those_of_the_digest_never_count(
    registry: Registry, send: Callable[..., None], wrong: bytes
) -> None:
    begun = registry.begin_upload("churn", wanted(b"weights"))
    digest = digest_of(b"weights")

    def send_wrong() -> None:
        send(begun, digest, wrong)
        take_over(registry, begun)

    with pytest.raises(InvalidArtifactError, match="do not have the digest"):
        send_wrong()
    assert len(registry.upload("churn", begun.upload_id).missing) == 1
    send(registry.upload("churn", begun.upload_id), digest, b"weights")
    take_over(registry, begun)
    registry.register_files("churn", listed(b"weights"), new_version())
    assert registry.fsck(hashes=True).ok


def test_what_is_put_by_a_url_after_the_registration_changes_nothing(
    registry: Registry, send: Callable[..., None]
) -> None:
    begun = registry.begin_upload("churn", wanted(b"weights"))
    send(begun, digest_of(b"weights"), b"weights")
    take_over(registry, begun)
    done = registry.register_files("churn", listed(b"weights"), new_version())
    if begun.files[0].url:
        httpx2.put(begun.files[0].url, content=b"seven!!").raise_for_status()
    registry.verify(done.version.reference)


def test_what_an_upload_lists_is_not_collected_while_it_lasts(
    registry: Registry, send: Callable[..., None]
) -> None:
    begun = registry.begin_upload("churn", wanted(b"a", b"b"))
    send(begun, digest_of(b"a"), b"a")
    take_over(registry, begun)
    collect(registry)
    assert len(registry.upload("churn", begun.upload_id).missing) == 1
    registry.end_upload("churn", begun.upload_id)
    collect(registry)
    later = registry.begin_upload("churn", wanted(b"a", b"b"))
    assert len(later.missing) == 2


def test_an_upload_ends_at_its_time(registry: Registry) -> None:
    begun = registry.begin_upload("churn", wanted(b"a"))
    end = "UPDATE pedigree.upload_session SET lease_until = now() - interval '1 second'"
    registry.database.transaction(lambda transaction: transaction.execute(end))
    with pytest.raises(UploadNotFoundError):
        registry.upload("churn", begun.upload_id)
    registry.begin_upload("churn", wanted(b"a"))
    kept = registry.database.fetch_all("SELECT upload_id FROM pedigree.upload_session")
    assert begun.upload_id not in {row["upload_id"] for row in kept}


def test_an_upload_is_for_its_model_and_its_files(registry: Registry) -> None:
    begun = registry.begin_upload("churn", wanted(b"a"))
    for name, upload_id in (("other", begun.upload_id), ("churn", UUID(int=7))):
        with pytest.raises(UploadNotFoundError):
            registry.upload(name, upload_id)
    with pytest.raises(UploadNotFoundError, match="does not list this file"):
        registry.operations.uploads.wanted_file("churn", begun.upload_id, digest_of(b"b"))


def test_a_list_that_is_not_an_artifact_is_refused(
    registry: Registry, send: Callable[..., None]
) -> None:
    begun = registry.begin_upload("churn", wanted(b"a"))
    send(begun, digest_of(b"a"), b"a")
    take_over(registry, begun)
    for paths, size in (
        (["../up"], 1),
        (["a", "A"], 1),
        (["a", "a"], 1),
        (["a", "a/b"], 1),
        (["a"], 2),
        (["a"], 0),
    ):
        files = [ManifestFile(path=path, size=size, digest=digest_of(b"a")) for path in paths]
        with pytest.raises(InvalidArtifactError):
            registry.register_files("churn", files, new_version())
    registry.create_model("gone")
    registry.delete_model("gone", reason="test")
    with pytest.raises(NameTakenError):
        registry.register_files("gone", listed(b"a"), new_version())
    assert [model.name for model in registry.models()] == []
