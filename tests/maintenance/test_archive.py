"""The latest production versions stay, older ones go to the archive tier, and come back."""

from pathlib import Path

import pytest

from pedigree.audit.event_types import EventType
from pedigree.lifecycle.records import RetentionRule
from pedigree.maintenance.gc_records import PlannedMove, PlannedTier
from pedigree.registry import Registry
from tests.factories import free_policy, register
from tests.maintenance.collecting import collect, planned, require_sound

ARCHIVE_OLD = RetentionRule(keep_production=1)


@pytest.fixture
def registry(impatient: Registry, tmp_path: Path) -> Registry:
    """Five versions that have been in production one after another; the last one is."""
    impatient.set_policy("churn", free_policy(ARCHIVE_OLD))
    for content in ("a", "b", "c", "d", "e"):
        impatient.promote(register(impatient, tmp_path, content), "production")
    return impatient


def tiers(registry: Registry) -> dict[int, str]:
    rows = registry.database.fetch_all("SELECT version, tier FROM pedigree.model_version")
    return {row["version"]: row["tier"] for row in rows}


def archived(registry: Registry) -> set[int]:
    return {version for version, tier in tiers(registry).items() if tier == "archive"}


def to_archive(registry: Registry) -> set[int]:
    return {
        item.version_id
        for item in planned(registry)
        if isinstance(item, PlannedTier) and item.tier == "archive"
    }


def blob_tiers(registry: Registry, reference: str) -> set[str]:
    digests = [file.digest for file in registry.manifest(reference).files]
    rows = registry.database.fetch_all(
        "SELECT tier FROM pedigree.blob WHERE digest = ANY (%s)", [digests]
    )
    return {row["tier"] for row in rows}


def test_older_production_versions_go_to_the_archive_and_nothing_is_deleted(
    registry: Registry,
) -> None:
    """Of five versions, the rule keeps one, and another is the target of a rollback."""
    assert to_archive(registry) == {1, 2, 3}
    moves = [item for item in planned(registry) if isinstance(item, PlannedMove)]
    assert [(move.bytes, move.tier) for move in moves] == [(1, "archive")] * 3
    done = collect(registry)
    assert (done.done["tier"].items, done.done["move"].items, done.left) == (3, 3, {})
    assert archived(registry) == {1, 2, 3}
    assert blob_tiers(registry, "churn/1") == {"archive"}
    assert blob_tiers(registry, "churn/4") == blob_tiers(registry, "churn/5") == {"standard"}
    for version in registry.versions("churn"):
        registry.verify(version.reference)
    assert planned(registry) == []
    changed = registry.events(types=[EventType.VERSION_TIER_CHANGED])
    assert [(event.version, event.body["to"]) for event in changed] == [
        (1, "archive"),
        (2, "archive"),
        (3, "archive"),
    ]
    assert len(registry.events(types=[EventType.BLOB_MOVED])) == 3
    require_sound(registry)


@pytest.mark.parametrize("by", ["alias", "hold", "approval", "stage"])
def test_what_anything_points_to_is_never_archived(registry: Registry, by: str) -> None:
    match by:
        case "alias":
            registry.set_alias("churn", "best", 2)
        case "hold":
            registry.hold("churn/2", reason="case 7")
        case "approval":
            registry.database.transaction(
                lambda tx: (
                    tx.execute(
                        "UPDATE pedigree.model_version SET approval_status = 'pending'"
                        " WHERE version = 2"
                    ).rowcount
                )
            )
        case _:
            registry.promote("churn/2", "staging")
    assert to_archive(registry) == {1, 3}
    collect(registry)
    assert blob_tiers(registry, "churn/2") == {"standard"}


def test_the_rollback_target_of_any_stage_is_never_archived(registry: Registry) -> None:
    registry.promote("churn/1", "staging")
    registry.promote("churn/2", "staging")
    registry.promote("churn/1", "archived")
    assert to_archive(registry) == {3}, "4 is production's, 1 is staging's"
    registry.rollback("churn")
    assert registry.champion("churn").version_id == 4  # type: ignore[union-attr]
    assert to_archive(registry) == {5}, "3 is production's target now"


def test_what_went_on_from_a_stage_shields_no_rollback_target_of_it(registry: Registry) -> None:
    for version in (1, 2, 3):
        registry.promote(f"churn/{version}", "staging")
    registry.promote("churn/1", "archived")
    registry.promote("churn/2", "production")
    assert to_archive(registry) == {4}, "5 is production's target, and 1 is staging's"
    assert registry.rollback("churn", stage="staging").version_id == 1


def test_a_version_that_comes_back_to_a_stage_brings_its_bytes_back(registry: Registry) -> None:
    collect(registry)
    registry.promote("churn/1", "production")
    back = [item for item in planned(registry) if isinstance(item, PlannedTier)]
    assert ("churn/1", "standard") in {(item.subject, item.tier) for item in back}
    collect(registry)
    assert blob_tiers(registry, "churn/1") == {"standard"}
    assert 1 not in archived(registry)
    require_sound(registry)


def test_a_rule_that_is_dropped_brings_everything_back(registry: Registry) -> None:
    collect(registry)
    registry.set_retention("churn", RetentionRule())
    collect(registry)
    assert archived(registry) == set()
    assert blob_tiers(registry, "churn/1") == {"standard"}
    assert planned(registry) == []


def test_a_shared_blob_is_in_the_highest_tier_that_a_version_needs(
    registry: Registry, tmp_path: Path
) -> None:
    register(registry, tmp_path, "a", name="other")
    collect(registry)
    assert 1 in archived(registry)
    assert blob_tiers(registry, "churn/1") == {"standard"}, "other/1 needs it"
    registry.delete("other/1", reason="test")
    collect(registry)
    assert blob_tiers(registry, "churn/1") == {"archive"}
    require_sound(registry)


def test_a_version_that_gets_a_stage_after_the_plan_is_left_where_it_is(
    registry: Registry,
) -> None:
    with registry.plan_gc() as plan:
        registry.promote("churn/1", "staging")
        done = registry.gc(plan)
    assert archived(registry) == {2, 3}
    assert blob_tiers(registry, "churn/1") == {"standard"}
    assert done.left == {"tier": 1, "move": 1}
    require_sound(registry)
