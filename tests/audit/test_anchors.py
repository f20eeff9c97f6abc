"""An anchor is written once, read back, and contradicts a log that was rewritten."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from pedigree.audit.anchors import Anchors
from pedigree.audit.export import verify
from pedigree.errors import LogTamperedError
from pedigree.postgres.database import Database
from pedigree.registry import Registry
from pedigree.registry.log_sealing import LogSealing
from tests.audit.sealing import add_events, edit, write_key
from tests.maintenance.collecting import require_sound


@pytest.fixture
def sealing(registry: Registry, tmp_path: Path) -> Iterator[LogSealing]:
    """A sealer whose registry has two hundred and sixty events."""
    settings = registry.settings.model_copy(
        update={"audit_key": str(write_key(tmp_path / "key.pem"))}
    )
    add_events(registry.database, 260)
    return LogSealing(Registry(registry.database, registry.store, settings))


def anchored(registry: Registry) -> list[int]:
    rows = registry.database.fetch_all("SELECT size FROM pedigree.log_anchor ORDER BY size")
    return [row["size"] for row in rows]


def test_a_checkpoint_is_anchored_at_most_once_in_an_interval(
    registry: Registry, sealing: LogSealing
) -> None:
    assert sealing.attempt() == (1, [])
    add_events(registry.database, 1)
    assert sealing.attempt() == (1, [])
    assert anchored(registry) == [261]
    anchors = Anchors(registry.database, registry.store)
    assert anchors.anchor(interval=timedelta(minutes=5)) == 0
    assert anchors.anchor() == 262
    assert anchors.anchor() == 0
    assert anchors.newest().size == 262
    notes = list(anchors.notes())
    stored = registry.database.fetch_all("SELECT note FROM pedigree.log_checkpoint ORDER BY size")
    assert [each.note for each in notes] == [row["note"] for row in stored]
    report = verify(registry.database, [], notes)
    assert (report.ok, report.anchors, report.anchored) == (True, 2, 262)
    require_sound(registry)


def test_an_anchor_that_another_process_wrote_is_not_written_again(
    registry: Registry, sealing: LogSealing, database_url: str
) -> None:
    sealing.attempt()
    edit(database_url, "DELETE FROM pedigree.log_anchor")
    assert Anchors(registry.database, registry.store).anchor() == 261
    assert len(list(registry.store.sizes("log/"))) == 1


def test_an_anchor_is_never_replaced_by_another_checkpoint(
    registry: Registry, sealing: LogSealing, database_url: str
) -> None:
    sealing.attempt()
    edit(
        database_url,
        "DELETE FROM pedigree.log_anchor; DELETE FROM pedigree.log_checkpoint;"
        " DELETE FROM pedigree.log_block;"
        " UPDATE pedigree.event SET leaf = sha256(leaf) WHERE id = 9",
    )
    assert sealing.seal() == 1
    with pytest.raises(LogTamperedError, match="has another checkpoint than the database"):
        Anchors(registry.database, registry.store).anchor()
    _, notes = sealing.attempt()
    assert "another checkpoint" in notes[0]


def test_an_anchor_that_the_store_lost_or_changed_is_found(
    registry: Registry, sealing: LogSealing
) -> None:
    sealing.attempt()
    ((key, _),) = registry.store.sizes("log/")
    anchors = Anchors(registry.database, registry.store)
    kept = b"".join(registry.store.stream(key))
    registry.store.delete([key])
    (problem,) = verify(registry.database, [], anchors.notes()).problems
    assert "which the store lacks" in problem
    assert registry.fsck().violated == ("log_verifies",)
    registry.store.put(key, kept.replace(b"261", b"260"))
    assert not verify(registry.database, [], anchors.notes()).ok
    registry.store.delete([key])
    registry.store.put(key, b"x" * (2 << 20))
    assert not verify(registry.database, [], anchors.notes()).ok


def test_events_that_a_restore_lost_are_named(
    registry: Registry, sealing: LogSealing, database_url: str
) -> None:
    sealing.attempt()
    edit(
        database_url,
        "DELETE FROM pedigree.log_anchor; DELETE FROM pedigree.log_checkpoint;"
        " DELETE FROM pedigree.feed WHERE seq > 100",
    )
    found = verify(registry.database, [], Anchors(registry.database, registry.store).notes())
    assert any("it covers 261 events, but the log has only 100" in each for each in found.problems)


class LyingStore:
    """A store that acknowledges what it does not keep."""

    url = "memory://lies"

    def create(self, key: str, content: bytes) -> bool:
        return True

    def stream(self, key: str, *, start: int = 0) -> Iterator[bytes]:
        yield b"something else"

    def sizes(self, prefix: str) -> Iterator[tuple[str, int]]:
        yield from ()


def test_a_store_that_does_not_return_what_was_written_is_not_believed(
    registry: Registry, sealing: LogSealing
) -> None:
    sealing.seal()
    with pytest.raises(LogTamperedError, match="memory://lies"):
        Anchors(registry.database, LyingStore()).anchor()
    assert anchored(registry) == []


def test_a_store_that_fails_is_tried_again(registry: Registry, sealing: LogSealing) -> None:
    folder = registry.settings.home_folder / "objects"
    folder.parent.mkdir(parents=True, exist_ok=True)
    folder.write_text("not a folder")
    assert "anchors failed" in sealing.attempt()[1][0]
    folder.unlink()
    registry.database.transaction(
        lambda t: t.execute("UPDATE pedigree.failure SET next_at = clock_timestamp()")
    )
    assert sealing.attempt()[1] == []
    assert len(anchored(registry)) == 1


@pytest.mark.parametrize(
    ("statement", "violated"),
    [
        ("UPDATE pedigree.log_block SET hash = sha256(hash)", {"log_verifies"}),
        ("DELETE FROM pedigree.log_block", {"log_verifies"}),
        (
            "INSERT INTO pedigree.log_block VALUES (1, 7, sha256('x'))",
            {"log_verifies"},
        ),
        ("UPDATE pedigree.log_checkpoint SET note = 'x'", {"log_verifies"}),
        (
            "DELETE FROM pedigree.log_anchor; DELETE FROM pedigree.log_checkpoint",
            {"log_verifies"},
        ),
        ("DELETE FROM pedigree.log_key", {"log_keys_match_events"}),
        (
            "UPDATE pedigree.log_key SET public_key = sha256('x')",
            {"log_keys_match_events", "log_verifies"},
        ),
        (
            "UPDATE pedigree.log_key SET retired_at = clock_timestamp()",
            {"log_keys_match_events"},
        ),
    ],
)
def test_fsck_finds_an_edit_of_the_log(
    registry: Registry,
    sealing: LogSealing,
    database_url: str,
    statement: str,
    violated: set[str],
) -> None:
    sealing.attempt()
    edit(database_url, statement, on_again=True)
    assert violated <= set(registry.fsck().violated)
    assert set(registry.fsck().violated) <= {"log_verifies", "log_keys_match_events"}


def test_fsck_of_a_log_that_was_never_sealed_has_nothing_to_check(
    registry: Registry, database: Database
) -> None:
    add_events(database, 3)
    require_sound(registry)
