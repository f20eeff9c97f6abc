"""MLflow's stages without a rule: any stage to any stage, and back to none."""

import itertools
from concurrent.futures import ThreadPoolExecutor
from itertools import count
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pedigree.audit.event_types import EventType
from pedigree.audit.records import Actor
from pedigree.errors import (
    AmbiguousStageError,
    GenerationConflictError,
    NotPermittedError,
    TransitionNotAllowedError,
)
from pedigree.lifecycle.policy import default_policy, open_policy
from pedigree.lifecycle.policy_yaml import read_document, write_document
from pedigree.maintenance.fsck import fsck
from pedigree.maintenance.fsck_replay import check_replay
from pedigree.registry import Registry
from tests.factories import promote_to_production, register, register_candidate
from tests.marking import few_or_many

STAGES = ("none", "staging", "production", "archived")
VERSIONS = 3
step = st.tuples(
    st.integers(min_value=1, max_value=VERSIONS), st.sampled_from(STAGES), st.booleans()
)


def opened(registry: Registry, folder: Path, versions: int, name: str = "churn") -> None:
    registry.set_policy(name, open_policy())
    for number in range(versions):
        register(registry, folder / name, f"v{number}", name=name)


def move(registry: Registry, reference: str, stage: str, *, archive_existing: bool = False) -> None:
    if stage == "none":
        registry.demote(reference)
    else:
        registry.promote(reference, stage, archive_existing=archive_existing)


def stages_of(registry: Registry, name: str, versions: int) -> dict[int, str]:
    return {number: registry.get(f"{name}/{number}").stage for number in range(1, versions + 1)}


@few_or_many(6, 25)
def test_every_move_is_allowed_and_only_archiving_moves_others(
    registry: Registry, tmp_path: Path, examples: int
) -> None:
    numbers = count()

    @settings(
        max_examples=examples,
        deadline=None,
        suppress_health_check=[HealthCheck.function_scoped_fixture],
    )
    @given(st.lists(step, min_size=1, max_size=12))
    def check(steps: list[tuple[int, str, bool]]) -> None:
        name = f"churn-{next(numbers)}"
        opened(registry, tmp_path, VERSIONS, name)
        expected = dict.fromkeys(range(1, VERSIONS + 1), "none")
        for version, stage, wants_archive in steps:
            archives = wants_archive and stage in ("staging", "production")
            move(registry, f"{name}/{version}", stage, archive_existing=archives)
            if archives:
                left = {other: "archived" for other in expected if expected[other] == stage}
                expected |= left
            expected[version] = stage
            assert stages_of(registry, name, VERSIONS) == expected
        for version in expected:
            tenures = registry.tenures(f"{name}/{version}")
            for earlier, later in itertools.pairwise(tenures):
                assert earlier.until is not None
                assert earlier.until <= later.since

    check()
    assert check_replay(registry.database).examples == []
    assert fsck(registry.database, registry.store).violated == ()


def test_a_version_goes_back_to_no_stage_with_an_event(registry: Registry, tmp_path: Path) -> None:
    opened(registry, tmp_path, 1)
    registry.promote("churn/1", "production")
    back = registry.demote("churn/1", reason="too early")
    assert (back.stage, back.moved, registry.get("churn/1").stage) == ("none", True, "none")
    *_, event = registry.events(limit=1000)
    assert event.type is EventType.VERSION_STAGE_CHANGED
    assert (event.body["from"], event.body["to"]) == ("production", "none")
    assert (event.body["reason"], event.body["generation"]) == ("too early", back.generation)
    (tenure,) = registry.tenures("churn/1")
    assert tenure.until == event.at
    before = registry.events(limit=1000)
    assert registry.demote("churn/1").moved is False
    assert registry.events(limit=1000) == before


def test_elsewhere_there_is_no_way_back_to_no_stage(registry: Registry, tmp_path: Path) -> None:
    reference = register_candidate(registry, tmp_path, "a")
    with pytest.raises(TransitionNotAllowedError, match="no way back") as caught:
        registry.demote(reference)
    assert (caught.value.field, caught.value.value) == ("stage", "none")
    assert "From candidate" in (caught.value.remedy or "")


def test_who_moves_a_stage_also_takes_versions_out_of_it(
    registry: Registry, tmp_path: Path
) -> None:
    opened(registry, tmp_path, 2)
    registry.promote("churn/1", "production")
    registry.promote("churn/2", "production")
    named = open_policy().model_dump(mode="json")
    named["stages"][1]["promoters"] = ["bot"]
    registry.set_policy("churn", type(open_policy()).model_validate(named))
    with pytest.raises(NotPermittedError, match="other people move production"):
        registry.demote("churn/1")
    with pytest.raises(NotPermittedError, match="other people move production"):
        registry.promote("churn/1", "production", archive_existing=True)
    bot = Actor(name="bot", source="given")
    assert registry.promote("churn/1", "production", archive_existing=True, actor=bot).archived == 1


def test_all_other_holders_are_archived_with_one_event_each(
    registry: Registry, tmp_path: Path
) -> None:
    opened(registry, tmp_path, 4)
    for number in (1, 2, 3):
        registry.promote(f"churn/{number}", "production")
    seen = registry.get("churn/4").generation
    done = registry.promote("churn/4", "production", archive_existing=True, reason="replaces all")
    assert (done.archived, done.previous_version_id, done.generation) == (3, 3, seen + 1)
    events = registry.events(limit=1000)[-4:]
    assert [(event.version, event.body["to"]) for event in events] == [
        (1, "archived"),
        (2, "archived"),
        (3, "archived"),
        (4, "production"),
    ]
    assert {event.body["reason"] for event in events} == {"replaces all"}
    assert registry.get("churn@production").reference == "churn/4"


def test_archiving_others_needs_no_move_of_the_holder_itself(
    registry: Registry, tmp_path: Path
) -> None:
    opened(registry, tmp_path, 2)
    registry.promote("churn/1", "staging")
    registry.promote("churn/2", "staging")
    kept = registry.promote("churn/2", "staging", archive_existing=True)
    assert (kept.moved, kept.archived) == (False, 1)
    assert stages_of(registry, "churn", 2) == {1: "archived", 2: "staging"}
    again = registry.promote("churn/2", "staging", archive_existing=True)
    assert (again.moved, again.archived) == (False, 0)


def test_an_archive_that_cannot_be_reached_is_refused(registry: Registry, tmp_path: Path) -> None:
    policy = default_policy()
    kept = tuple(rule for rule in policy.stages if rule.name != "archived")
    stages = tuple(
        rule.model_copy(update={"after": tuple(each for each in rule.after if each != "archived")})
        for rule in kept
    )
    registry.set_policy("churn", policy.model_copy(update={"stages": stages}))
    reference = register_candidate(registry, tmp_path, "a")
    with pytest.raises(TransitionNotAllowedError, match="from staging into archived") as caught:
        registry.promote(reference, "staging", archive_existing=True)
    assert caught.value.field == "archive_existing"
    assert registry.get(reference).stage == "candidate"


def test_archiving_others_agrees_with_an_exclusive_stage(
    registry: Registry, tmp_path: Path
) -> None:
    promote_to_production(registry, register_candidate(registry, tmp_path, "a"))
    second = register_candidate(registry, tmp_path, "b")
    registry.promote(second, "staging")
    done = registry.promote(second, "production", archive_existing=True)
    assert (done.archived, done.previous_version_id) == (1, 1)


def test_many_holders_make_our_own_references_ambiguous(registry: Registry, tmp_path: Path) -> None:
    opened(registry, tmp_path, 2)
    registry.promote("churn/1", "production")
    registry.promote("churn/2", "production")
    with pytest.raises(AmbiguousStageError):
        registry.get("churn@production")


def test_promotions_that_archive_others_leave_one_holder_when_they_race(
    registry: Registry, tmp_path: Path
) -> None:
    opened(registry, tmp_path, 6)

    def promote(number: int) -> bool:
        return registry.promote(f"churn/{number}", "production", archive_existing=True).moved

    with ThreadPoolExecutor(6) as pool:
        assert all(pool.map(promote, range(1, 7)))
    assert len(registry.model("churn").stages["production"]) == 1
    assert check_replay(registry.database).examples == []


def test_a_generation_that_moved_is_a_conflict_for_the_way_back(
    registry: Registry, tmp_path: Path
) -> None:
    opened(registry, tmp_path, 2)
    registry.promote("churn/1", "staging")
    seen = registry.get("churn/1").generation
    registry.promote("churn/2", "staging")
    with pytest.raises(GenerationConflictError):
        registry.demote("churn/1", expected_generation=seen)
    assert registry.get("churn/1").stage == "staging"


def test_nothing_moves_by_itself(registry: Registry, tmp_path: Path) -> None:
    opened(registry, tmp_path, 1)
    assert registry.registration_checks("churn") == ()
    assert registry.operations.promotions.evaluate_candidates("churn").due is None
    assert registry.get("churn/1").stage == "none"


def test_an_open_policy_is_written_as_yaml_and_read_again() -> None:
    text = write_document(open_policy())
    assert "back_to_none: true" in text
    assert read_document(text) == open_policy()


def test_a_policy_with_a_way_back_strands_no_version(registry: Registry, tmp_path: Path) -> None:
    opened(registry, tmp_path, 1)
    registry.promote("churn/1", "production")
    alone = open_policy().model_copy(
        update={"stages": tuple(r for r in open_policy().stages if r.name == "production")}
    )
    stages = (alone.stages[0].model_copy(update={"after": ("none",)}),)
    registry.set_policy("churn", alone.model_copy(update={"stages": stages}))
    assert registry.demote("churn/1").moved
