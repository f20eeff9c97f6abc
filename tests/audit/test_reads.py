"""Reads that matter are events: one an hour for each principal and subject, without a lock."""

import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from pedigree.access.principal import Principal
from pedigree.audit.event_types import READS, EventType
from pedigree.audit.reads import NotedReads
from pedigree.audit.records import Actor
from pedigree.catalog.store import lock_model
from pedigree.maintenance.fsck_replay import check_replay
from pedigree.registry import Registry, registry_in
from tests.factories import register, with_secret_key
from tests.receiving import LOOPBACK, Receiver, receiving
from tests.statements import sent_statements

ANN = Actor(name="ann@example.com", source="test")


def reads_of(registry: Registry) -> list[tuple[str, str, str]]:
    """The type, the reader and the subject of each read that is an event."""
    found = registry.events(types=sorted(READS))
    return [(event.type.value, event.actor.name, event.subject) for event in found]


def used_by(registry: Registry, actor: Actor) -> Registry:
    """The registry as another principal uses it, in the same process."""
    return registry_in(registry.context.used_by(Principal(actor=actor)))


def pull(registry: Registry, reference: str, folder: Path) -> None:
    registry.pull(reference, folder / "pulled")


def load(registry: Registry, reference: str, _: Path) -> None:
    registry.load(reference)


def folder(registry: Registry, reference: str, _: Path) -> None:
    registry.folder(reference)


def stream(registry: Registry, reference: str, _: Path) -> None:
    registry.stream(reference, "model.bin")


@pytest.mark.parametrize("read", [pull, load, folder, stream])
def test_each_way_to_the_bytes_is_a_download(
    registry: Registry, tmp_path: Path, read: Callable[[Registry, str, Path], None]
) -> None:
    reference = register(registry, tmp_path)
    read(registry, reference, tmp_path)
    read(registry, reference, tmp_path)
    assert reads_of(registry) == [("version.downloaded", "tester", "churn/1")]


def test_checks_and_looks_are_no_reads(registry: Registry, tmp_path: Path) -> None:
    reference = register(registry, tmp_path)
    registry.run_check(reference, "artifact_intact")
    registry.run_check(reference, "artifact_scan")
    registry.manifest(reference)
    registry.verify(reference)
    registry.get(reference)
    registry.snippets(reference)
    registry.card(reference)
    assert reads_of(registry) == []


def test_lists_of_tokens_and_exports_of_the_log_are_reads(
    registry: Registry, tmp_path: Path
) -> None:
    registry.tokens()
    registry.tokens(limit=5)
    registry.operations.audit.export_log(tmp_path / "log")
    registry.operations.audit.sealed_events(after=0, limit=10)
    assert reads_of(registry) == [
        ("token.listed", "tester", "tokens"),
        ("log.exported", "tester", "log"),
    ]


def test_the_database_decides_which_read_is_the_first_of_an_hour(
    registry: Registry, tmp_path: Path
) -> None:
    register(registry, tmp_path)

    def note(_: int) -> None:
        NotedReads().note(
            registry.database, EventType.VERSION_DOWNLOADED, ANN, {}, model="churn", version=1
        )

    threads = [threading.Thread(target=note, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert reads_of(registry) == [("version.downloaded", ANN.name, "churn/1")]
    registry.database.fetch_all(
        "UPDATE pedigree.noted_read SET hour = hour - interval '2 hours' RETURNING hour"
    )
    note(0)
    assert reads_of(registry) == [("version.downloaded", ANN.name, "churn/1")] * 2
    # What is past is removed.
    assert registry.database.call("SELECT count(*) FROM pedigree.noted_read") == {"count": 1}


def test_a_read_is_noted_for_each_principal_and_version(registry: Registry, tmp_path: Path) -> None:
    first, second = (register(registry, tmp_path, content) for content in "ab")
    for reference in (first, second):
        used_by(registry, ANN).folder(reference)
        registry.folder(reference)
    assert len(set(reads_of(registry))) == len(reads_of(registry)) == 4


def test_a_read_waits_for_no_lock_of_the_model_and_is_one_statement_an_hour(
    registry: Registry, tmp_path: Path
) -> None:
    reference = register(registry, tmp_path)

    def read(_: object) -> list[str]:
        with sent_statements() as sent:
            registry.stream(reference, "model.bin")
        return sent

    first = registry.database.transaction(lambda other: read(lock_model(other, "churn")))
    assert first.count("note_read") == 1
    assert "lock_model" not in first[first.index("note_read") - 1 :]
    assert "note_read" not in read(None)


def test_reads_change_nothing_and_are_in_the_feed(registry: Registry, tmp_path: Path) -> None:
    reference = register(registry, tmp_path)
    before = registry.get(reference)
    registry.folder(reference)
    assert registry.get(reference) == before
    assert check_replay(registry.database).examples == []
    assert registry.fsck().ok


@pytest.fixture
def receiver() -> Receiver:
    with receiving() as found:
        yield found


@pytest.mark.parametrize(
    ("types", "expected"),
    [((), []), (["version.downloaded"], ["version.downloaded"]), (["token.*"], ["token.listed"])],
)
def test_a_webhook_receives_reads_only_by_their_type(
    registry: Registry,
    receiver: Receiver,
    tmp_path: Path,
    types: list[str],
    expected: list[str],
) -> None:
    reference = register(registry, tmp_path)
    telling = with_secret_key(registry, webhook_networks=LOOPBACK)
    telling.create_webhook(receiver.url, types=types)
    telling.folder(reference)
    telling.tokens()
    telling.operations.webhooks.deliver()
    assert [kind for kind in receiver.kinds() if not kind.startswith("webhook.")] == expected
