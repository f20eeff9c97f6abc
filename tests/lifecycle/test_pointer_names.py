"""Stages, aliases and reserved words are distinct, and found in any case."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from threading import Barrier

import psycopg
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from pedigree.catalog.names import pointer_problem, twin_of
from pedigree.catalog.references import parse_reference
from pedigree.errors import (
    AliasNotFoundError,
    InvalidAliasError,
    InvalidInputError,
    InvalidPolicyError,
    TransitionNotAllowedError,
)
from pedigree.lifecycle import pointer_names
from pedigree.lifecycle.policy import default_policy
from pedigree.lifecycle.policy_yaml import read_document
from pedigree.lifecycle.records import Policy, RetentionRule
from pedigree.registry import Registry
from tests.factories import free_policy, register
from tests.lifecycle.deciding import ANN, candidate, policy_of
from tests.lifecycle.named_before import give_stored_policy, hold_as_before, staged
from tests.maintenance.collecting import require_sound

MISNAMED = [
    *("", " ", "latest", "Latest", "\uff4catest", "none", "NONE", "a/b", "a b", "a@b", "v1", "V12"),
    *("3", "007", "\u0663", "\uff13", "\u00b3", "v\u0663", "x" * 256, "a\u3164b", "a.b", "a\n"),
]


@pytest.mark.parametrize("name", MISNAMED)
def test_a_stage_has_no_name_that_a_reference_reads_differently(name: str) -> None:
    with pytest.raises(ValidationError, match="the stage"):
        Policy.model_validate(staged(name))
    with pytest.raises(InvalidPolicyError) as caught:
        read_document(f"stages: [{{name: {name!r}, after: [none]}}]")
    assert caught.value.field in ("policy.stages.0.name", "policy")


@pytest.mark.parametrize("name", [name for name in MISNAMED if "'" not in name])
def test_an_alias_has_no_name_that_a_reference_reads_differently(
    name: str, registry: Registry, tmp_path: Path
) -> None:
    register(registry, tmp_path, "a")
    events = registry.events()
    with pytest.raises(InvalidAliasError) as caught:
        registry.set_alias("churn", name, 1)
    assert caught.value.value == name
    assert registry.events() == events


def test_a_model_has_a_bounded_number_of_aliases(
    registry: Registry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pointer_names, "MOST_ALIASES", 2)
    register(registry, tmp_path, "a")
    register(registry, tmp_path, "b")
    registry.set_alias("churn", "one", 1)
    registry.set_alias("churn", "two", 1)
    with pytest.raises(InvalidAliasError, match="one too many") as caught:
        registry.set_alias("churn", "three", 1)
    assert (caught.value.field, caught.value.value) == ("alias", "three")
    registry.set_alias("churn", "two", 2)  # one that exists still moves
    registry.delete_alias("churn", "one")
    registry.set_alias("churn", "three", 1)


@given(st.text(max_size=12))
def test_what_may_be_a_name_is_read_as_that_name(name: str) -> None:
    if pointer_problem(name) is None:
        assert parse_reference(f"churn@{name}").pointer == name
        assert parse_reference(f"models:/churn@{name}").pointer == name
        assert twin_of(name, ["latest", "none"]) is None


@pytest.mark.parametrize("twins", [("qa", "QA"), ("shadow", "\uff53hadow"), ("Ma\u00df", "MASS")])
def test_two_stages_have_no_equivalent_names(twins: tuple[str, str]) -> None:
    with pytest.raises(ValidationError, match="differ only by case or form"):
        Policy.model_validate(staged(*twins))


@pytest.mark.parametrize("name", ["Archived", "PRODUCTION", "Candidate"])
def test_the_registry_s_own_stages_have_one_spelling(name: str) -> None:
    with pytest.raises(ValidationError, match="in another spelling"):
        Policy.model_validate(staged(name))


def test_an_alias_is_not_equivalent_to_another_alias_or_a_stage(
    registry: Registry, tmp_path: Path
) -> None:
    register(registry, tmp_path, "a")
    registry.set_policy("churn", Policy.model_validate(staged("QA")))
    registry.set_alias("churn", "champion", 1)
    with pytest.raises(InvalidAliasError, match="from the alias 'champion'"):
        registry.set_alias("churn", "Champion", 1)
    for stage in ("qa", "QA", "Archived"):  # the registry itself archives
        with pytest.raises(InvalidAliasError, match="is the name of the stage"):
            registry.set_alias("churn", stage, 1)
    assert registry.model("churn").aliases == {"champion": 1}


def test_a_policy_has_no_stage_with_the_name_of_an_alias(
    registry: Registry, tmp_path: Path
) -> None:
    register(registry, tmp_path, "a")
    registry.set_alias("churn", "Shadow", 1)
    with pytest.raises(InvalidPolicyError, match="has the name of the alias 'Shadow'"):
        registry.set_policy("churn", Policy.model_validate(staged("shadow")))
    assert registry.policy("churn") == default_policy()
    registry.delete_alias("churn", "Shadow")
    assert registry.set_policy("churn", Policy.model_validate(staged("shadow"))) == 1


def test_a_policy_that_would_strand_a_version_is_refused(
    registry: Registry, tmp_path: Path
) -> None:
    register(registry, tmp_path, "a")
    registry.set_policy("churn", Policy.model_validate(staged("qa", "live")))
    registry.promote("churn/1", "qa")
    for names in (("live",), ("live", "QA")):
        with pytest.raises(InvalidPolicyError, match="churn/1 in qa"):
            registry.set_policy("churn", Policy.model_validate(staged(*names)))
    registry.promote("churn/1", "live")
    assert registry.set_policy("churn", Policy.model_validate(staged("live", "rest"))) == 2


def test_a_policy_without_a_transition_from_a_held_stage_is_refused(
    registry: Registry, tmp_path: Path
) -> None:
    register(registry, tmp_path, "a")
    registry.set_policy("churn", Policy.model_validate(staged("qa", "live")))
    registry.promote("churn/1", "qa")
    closed = {
        "stages": [{"name": "qa", "after": ["none"]}, {"name": "live", "after": ["none"]}],
    }
    with pytest.raises(InvalidPolicyError, match="churn/1 in qa"):
        registry.set_policy("churn", Policy.model_validate(closed))
    closed["stages"][0]["exclusive"] = True  # the next one takes its place
    assert registry.set_policy("churn", Policy.model_validate(closed)) == 2


def test_a_stage_that_is_held_is_not_dropped_though_it_was_never_left(
    registry: Registry, tmp_path: Path
) -> None:
    register(registry, tmp_path, "a")
    last = Policy.model_validate(staged("qa"))
    registry.set_policy("churn", last)
    registry.promote("churn/1", "qa")
    with pytest.raises(InvalidPolicyError, match="churn/1 in qa"):
        registry.set_policy("churn", policy_of())
    again = last.model_copy(update={"editors": ("tester",)})
    assert registry.set_policy("churn", again) == 2  # it is as final as it was


def test_an_archive_may_be_dropped_since_versions_rest_there(
    registry: Registry, tmp_path: Path
) -> None:
    register(registry, tmp_path, "a")
    registry.set_policy("churn", free_policy())
    registry.promote("churn/1", "archived")
    without = [rule.model_copy(update={"after": ("none",)}) for rule in free_policy().stages[:-1]]
    assert registry.set_policy("churn", Policy(stages=tuple(without))) == 2


def test_stages_and_aliases_are_found_in_any_case(registry: Registry, tmp_path: Path) -> None:
    register(registry, tmp_path, "a")
    registry.set_policy("churn", Policy.model_validate(staged("QA", "live")))
    registry.set_alias("churn", "Gr\u00f6\u00dfte", 1)
    registry.promote("churn/1", "qa", actor=ANN)
    assert registry.get("churn/1").stage == "QA"
    for reference in (
        *("churn@qa", "churn@Qa", "models:/churn/Qa", "churn@\uff31A"),
        *("churn@GR\u00d6SSTE", "models:/churn@gr\u00f6\u00dfte"),
    ):
        assert registry.get(reference).version_id == 1
    held = registry.holder("churn", "qa")
    assert held is not None
    assert held.version_id == 1
    with pytest.raises(AliasNotFoundError):
        registry.get("churn@live")


def test_what_a_stage_is_asked_for_names_it_in_any_case(registry: Registry, tmp_path: Path) -> None:
    registry.set_policy("churn", policy_of(approvals={"needed": 1}))
    first, second = (candidate(registry, tmp_path, content) for content in "ab")
    request = registry.request_stage(first, "Production")
    assert request.stage == "production"
    assert [each.stage for each in registry.explain(first, "PRODUCTION").requests] == ["production"]
    assert registry.withdraw_request(first, "PRODUCTION")[0].stage == "production"
    decision = registry.approve(first, "Production", comment="fine", actor=ANN)
    assert decision.to_stage == "production"
    assert registry.promote(first, "Production").stage == "production"
    assert not registry.promote(first, "PRODUCTION").moved
    registry.approve(second, "production", comment="fine", actor=ANN)
    registry.promote(second, "production")
    assert registry.rollback("churn", stage="Production").version_id == 1
    require_sound(registry)


def test_the_timeline_of_a_name_has_all_its_spellings(registry: Registry, tmp_path: Path) -> None:
    register(registry, tmp_path, "a")
    registry.set_alias("churn", "Champion", 1)
    registry.delete_alias("churn", "CHAMPION")
    registry.set_alias("churn", "champion", 1)
    moment = datetime.now(UTC)
    timeline = registry.timeline("churn", "alias:champion")
    assert [tenure.pointer for tenure in timeline] == ["alias:Champion", "alias:champion"]
    assert registry.timeline("churn", "alias:CHAMPION", limit=1) == timeline[-1:]
    assert (
        registry.timeline("churn", "alias:CHAMPION", before=timeline[-1].tenure_id) == timeline[:1]
    )
    assert registry.as_of("churn", moment, "alias:CHAMPION") == timeline[-1:]
    assert registry.timeline("churn", "alias:other") == ()
    require_sound(registry)


def test_the_database_refuses_a_new_misnamed_stage_or_alias_whichever_code_asks(
    registry: Registry, tmp_path: Path
) -> None:
    register(registry, tmp_path, "a")
    insert = (
        "INSERT INTO pedigree.tenure (model_id, version, pointer, name, exclusive, held_since,"
        " moved_by) SELECT model_id, 1, '{}', '{}', false, clock_timestamp(), 'somebody'"
        " FROM pedigree.registered_model"
    )
    for name in ("", "latest", "NONE", "v3", "3", "a/b", "a b"):
        for pointer in ("stage", "alias"):
            with pytest.raises(psycopg.errors.CheckViolation, match="may be called"):
                registry.database.fetch_all(insert.format(pointer, name))
    registry.set_alias("churn", "shadow", 1)
    with pytest.raises(psycopg.errors.CheckViolation, match="is a stage and would be an alias"):
        registry.database.fetch_all(insert.format("stage", "shadow"))


def test_a_stage_named_before_the_rule_is_read_and_left_and_not_entered(
    registry: Registry, tmp_path: Path
) -> None:
    for content in "ab":
        register(registry, tmp_path, content)
    give_stored_policy(registry, "churn", staged("v1", "a/b", "live"))
    hold_as_before(registry, 1, "stage", "v1")
    assert [rule.name for rule in registry.policy("churn").stages] == ["v1", "a/b", "live"]
    assert registry.get("churn/1").stage == "v1"
    assert registry.get("churn@v1").version_id == 1
    held = registry.holder("churn", "v1")
    assert held is not None
    assert held.version_id == 1
    registry.set_retention("churn", RetentionRule(keep_production=3))  # its stages stay as they are
    with pytest.raises(TransitionNotAllowedError, match="another name for the stage 'v1'"):
        registry.promote("churn/2", "v1")
    assert registry.promote("churn/1", "live").moved
    assert registry.set_policy("churn", Policy.model_validate(staged("live", "rest"))) > 0


def test_an_alias_named_before_the_rule_is_read_and_deleted_and_not_moved(
    registry: Registry, tmp_path: Path
) -> None:
    for content in "ab":
        register(registry, tmp_path, content)
    for name in ("3", "staging"):
        hold_as_before(registry, 1, "alias", name)
    assert registry.get("churn@3").version_id == 1
    with pytest.raises(InvalidAliasError):
        registry.set_alias("churn", "3", 2)
    registry.set_policy("churn", free_policy())
    with pytest.raises(TransitionNotAllowedError, match="the alias 'staging' has the stage's name"):
        registry.promote("churn/2", "staging")
    registry.delete_alias("churn", "staging")
    registry.delete_alias("churn", "3")
    assert registry.promote("churn/2", "staging").moved


def test_of_a_stage_and_an_alias_of_one_name_that_come_at_once_one_is_refused(
    registry: Registry, tmp_path: Path
) -> None:
    policy = Policy.model_validate(staged("shadow", "live"))
    for number in range(8):
        name = f"churn-{number}"
        register(registry, tmp_path, "a", name)
        done = at_once(
            [
                lambda name=name: registry.set_policy(name, policy),
                lambda name=name: registry.set_alias(name, "Shadow", 1),
                lambda name=name: registry.set_alias(name, "SHADOW", 1),
            ]
        )
        assert sum(done) == 1
        is_stage = registry.policy(name) == policy
        assert len(registry.model(name).aliases) == (0 if is_stage else 1)


def at_once(tasks: list[Callable[[], object]]) -> list[bool]:
    """Run tasks in threads that start together, and say which were not refused."""
    barrier = Barrier(len(tasks))

    def run(task: Callable[[], object]) -> bool:
        barrier.wait()
        try:
            task()
        except InvalidInputError:
            return False
        return True

    with ThreadPoolExecutor(len(tasks)) as threads:
        return list(threads.map(run, tasks))
