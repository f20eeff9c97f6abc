"""Deleted versions are collected after their window; needed bytes stay."""

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest

from pedigree.audit.event_types import EventType
from pedigree.cards.records import CardNotes
from pedigree.catalog.blob_access import keys_of
from pedigree.errors import BytesCollectedError, StoreUnavailableError, VersionNotFoundError
from pedigree.lifecycle.records import RetentionRule
from pedigree.registry import Registry
from tests.artifacts.probes import contents, keys_in
from tests.artifacts.publishing import blob_keys, expire_leases, let_orphans_settle, rows_left
from tests.factories import register
from tests.maintenance.collecting import collect, planned, require_sound


@pytest.fixture
def registry(impatient: Registry) -> Registry:
    return impatient


def objects(registry: Registry) -> set[str]:
    return keys_in(registry.settings.home_folder / "objects")


def test_a_deleted_version_is_collected_after_its_window_and_leaves_its_tombstone(
    registry: Registry, tmp_path: Path
) -> None:
    register(registry, tmp_path, "a")
    register(registry, tmp_path, "b")
    manifest = registry.manifest("churn/1")
    registry.delete("churn/1", reason="test")
    assert [(item.kind, item.subject) for item in planned(registry)] == [
        ("version", "churn/1"),
        ("artifact", manifest.digest),
        ("blob", manifest.files[0].digest),
    ]
    done = collect(registry)
    assert {kind: count.items for kind, count in done.done.items()} == {
        "version": 1,
        "artifact": 1,
        "blob": 1,
    }
    assert (done.done["blob"].bytes, done.left) == (1, {})
    assert objects(registry) == set(blob_keys(registry.database).values())
    assert planned(registry) == [], "a plan that was done leaves nothing to do"
    with pytest.raises(BytesCollectedError):
        registry.restore("churn/1")
    collected, removed = registry.events(
        types=[EventType.VERSION_COLLECTED, EventType.BLOB_REMOVED]
    )
    assert (collected.subject, collected.body["digest"]) == ("churn/1", manifest.digest)
    assert (removed.subject, removed.body["bytes"]) == (manifest.files[0].digest, 1)
    assert register(registry, tmp_path, "c") == "churn/3"
    require_sound(registry)


def test_the_window_of_the_model_has_precedence_over_the_setting(
    registry: Registry, tmp_path: Path
) -> None:
    register(registry, tmp_path, "a")
    registry.delete("churn/1", reason="test")
    registry.set_retention("churn", RetentionRule(window=timedelta(days=1)))
    assert planned(registry) == []
    registry.set_retention("churn", RetentionRule())
    with registry.plan_gc() as plan:
        registry.set_retention("churn", RetentionRule(window=timedelta(days=1)))
        done = registry.gc(plan)
    assert done.done == {}, "a window that was made longer since protects what it covers"
    assert registry.restore("churn/1").version_id == 1
    require_sound(registry)


def test_bytes_that_another_version_or_model_has_stay(registry: Registry, tmp_path: Path) -> None:
    register(registry, tmp_path, "a")
    register(registry, tmp_path, "a", name="other")
    registry.delete("churn/1", reason="test")
    assert [item.kind for item in planned(registry)] == ["version"]
    collect(registry)
    registry.verify("other/1")
    registry.delete_model("other", reason="test")
    collect(registry)
    assert objects(registry) == set()
    with pytest.raises(BytesCollectedError):
        registry.restore_model("other")
    require_sound(registry)


def test_bytes_that_can_be_restored_stay(registry: Registry, tmp_path: Path) -> None:
    register(registry, tmp_path, "a")
    register(registry, tmp_path, "a", name="patient")
    registry.set_retention("patient", RetentionRule(window=timedelta(days=1)))
    for reference in ("churn/1", "patient/1"):
        registry.delete(reference, reason="test")
    collect(registry)
    registry.restore("patient/1")
    registry.verify("patient/1")
    require_sound(registry)


def test_collected_bytes_that_are_registered_again_are_a_new_version(
    registry: Registry, tmp_path: Path
) -> None:
    register(registry, tmp_path, "a")
    key = next(iter(objects(registry)))
    digest = registry.get("churn/1").digest
    registry.delete("churn/1", reason="test")
    collect(registry)
    assert register(registry, tmp_path, "a") == "churn/2"
    assert registry.get("churn/2").digest == digest
    registry.verify("churn/2")
    assert key not in objects(registry), "keys are never written twice"
    require_sound(registry)


def test_what_comes_to_be_needed_after_the_plan_is_left_and_reported(
    registry: Registry, tmp_path: Path
) -> None:
    for content in ("a", "b"):
        register(registry, tmp_path, content)
        registry.delete(f"churn/{1 if content == 'a' else 2}", reason="test")
    with registry.plan_gc() as plan:
        registry.restore("churn/1")
        register(registry, tmp_path, "c")
        registry.delete("churn/3", reason="it is not in the plan")
        done = registry.gc(plan)
    assert done.done["version"].items == done.done["blob"].items == 1
    assert done.left == {"version": 1, "artifact": 1, "blob": 1}
    assert ("version", "churn/1") in {(left.kind, left.subject) for left in done.examples}
    registry.verify("churn/1")
    assert registry.restore("churn/3").version_id == 3, "only what the plan names is collected"
    require_sound(registry)


def test_a_legal_hold_that_reached_a_deleted_version_protects_it(
    registry: Registry, tmp_path: Path
) -> None:
    register(registry, tmp_path, "a")
    registry.delete("churn/1", reason="by mistake")
    registry.restore("churn/1")
    registry.hold("churn/1", reason="case 7")
    assert planned(registry) == []


def test_the_cards_of_a_collected_version_are_removed_and_those_of_others_stay(
    registry: Registry, tmp_path: Path
) -> None:
    for content in ("a", "b"):
        register(registry, tmp_path, content)
    for reference in ("churn/1", "churn/2"):
        registry.write_card(reference)
        registry.write_card(reference, CardNotes(contact="ann"))
    assert planned(registry) == [], "former revisions stay as long as their version"
    registry.delete("churn/1", reason="test")
    collect(registry)
    rows = registry.database.fetch_all("SELECT DISTINCT version FROM pedigree.model_card")
    assert [row["version"] for row in rows] == [2]
    assert len(objects(registry)) == len(blob_keys(registry.database)) == 3
    require_sound(registry)


def test_a_card_is_not_written_for_a_version_that_was_deleted_meanwhile(
    registry: Registry, tmp_path: Path
) -> None:
    from pedigree.cards.drawing import draw_card
    from pedigree.cards.store import insert_card

    register(registry, tmp_path, "a")
    registry.write_card("churn/1")
    notes = CardNotes(contact="ann")
    late = registry.database.transaction(lambda tx: draw_card(tx, "churn", 1, notes))
    registry.delete("churn/1", reason="test")
    with pytest.raises(VersionNotFoundError):
        registry.database.transaction(lambda tx: insert_card(tx, late, registry.actor()))


def test_bytes_that_are_collected_while_they_are_looked_for_are_of_a_deleted_version(
    registry: Registry, tmp_path: Path
) -> None:
    register(registry, tmp_path, "a")
    version = registry.get("churn/1")
    digests = {file.digest for file in registry.manifest("churn/1").files}
    registry.delete("churn/1", reason="test")
    collect(registry)
    with pytest.raises(VersionNotFoundError, match="churn"):
        registry.database.read(lambda transaction: keys_of(transaction, version, digests))


def test_a_pull_of_what_is_collected_meanwhile_says_that_the_version_is_deleted(
    registry: Registry, tmp_path: Path
) -> None:
    for content in ("a", "b"):
        register(registry, tmp_path, content)
    registry.set_alias("churn", "best", 1)

    def collect_it(done: int, of: int) -> None:
        if done == 0 and registry.get("churn@best").version_id == 1:
            registry.set_alias("churn", "best", 2)
            registry.delete("churn/1", reason="test")
            collect(registry)

    with pytest.raises(VersionNotFoundError):
        registry.pull("churn@best", tmp_path / "pulled", progress=collect_it)
    assert contents(tmp_path / "pulled") == {}
    registry.pull("churn@best", tmp_path / "pulled", progress=collect_it)


def test_what_crashed_uploads_left_is_part_of_the_plan(registry: Registry, tmp_path: Path) -> None:
    from pedigree.artifacts.publish import publish
    from tests.artifacts.publishing import SIGNATURE

    register(registry, tmp_path, "a")
    publish(registry.database, registry.store, tmp_path / "a", "generic", SIGNATURE)
    folder = tmp_path / "lost"
    folder.mkdir()
    (folder / "x").write_text("lost")
    publish(registry.database, registry.store, folder, "generic", SIGNATURE)
    assert planned(registry) == [], "its lease runs"
    expire_leases(registry.database)
    # The block of keys of this process, and both publications.
    assert [item.kind for item in planned(registry)] == ["upload"] * 3
    collect(registry)
    assert objects(registry) == set(blob_keys(registry.database).values())
    assert planned(registry) == []
    let_orphans_settle(registry.database)
    assert {item.kind for item in planned(registry)} == {"key"}
    collect(registry)
    assert rows_left(registry.database) == {"uploads": 0, "orphans": 0}


def test_the_next_collection_removes_what_a_failing_store_kept(
    registry: Registry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    register(registry, tmp_path, "a")
    registry.delete("churn/1", reason="test")

    def fail(_self: object, _keys: object) -> None:
        raise StoreUnavailableError("the network is down")

    monkeypatch.setattr(type(registry.store), "delete", fail)
    (failed,) = collect(registry).failed
    assert failed.problem == "the network is down."
    monkeypatch.undo()
    assert len(objects(registry)) == 1
    require_sound(registry)
    assert [item.kind for item in planned(registry)] == ["key"]
    collect(registry)
    assert objects(registry) == set()


def test_a_delete_in_flight_harms_no_bytes_that_come_back(
    registry: Registry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The store is slow: the bytes are registered again before the old object is removed."""
    register(registry, tmp_path, "a")
    registry.delete("churn/1", reason="test")
    delete, in_flight = registry.store.delete, list[Callable[[], None]]()
    monkeypatch.setattr(
        registry.store, "delete", lambda keys: in_flight.append(lambda: delete(keys))
    )
    collect(registry)
    assert register(registry, tmp_path, "a") == "churn/2"
    assert len(objects(registry)) == 2
    for request in in_flight:
        request()
    assert len(objects(registry)) == 1
    registry.verify("churn/2")
    require_sound(registry)


def test_equal_plans_have_one_digest(registry: Registry, tmp_path: Path) -> None:
    for content in ("a", "b"):
        register(registry, tmp_path, content)
    with registry.plan_gc() as first, registry.plan_gc() as second:
        assert first.digest == second.digest
    registry.delete("churn/1", reason="test")
    with registry.plan_gc() as third, registry.plan_gc() as fourth:
        assert third.digest == fourth.digest != first.digest
        assert third.counts["blob"].bytes == 1
