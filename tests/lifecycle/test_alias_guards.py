"""An alias that a policy guards names a version that holds the alias's stage, or none."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from itertools import count
from pathlib import Path
from random import Random

import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pedigree.audit.event_types import EventType
from pedigree.errors import (
    GateNotPassedError,
    InvalidAliasError,
    InvalidPolicyError,
    NotFoundError,
    RefusedError,
)
from pedigree.lifecycle.policy import default_policy, open_policy, parse_policy
from pedigree.lifecycle.policy_yaml import read_document, write_document
from pedigree.lifecycle.records import Policy
from pedigree.maintenance.fsck import fsck
from pedigree.maintenance.fsck_replay import check_replay
from pedigree.registry import Registry
from tests.factories import promote_to_production, register, register_candidate
from tests.marking import few_or_many

GUARDS = {"champion": "production", "next": "staging"}
VERSIONS = 3


def guarded(policy: Policy) -> Policy:
    return policy.model_copy(update={"aliases": GUARDS})


def one_at_a_time(policy: Policy) -> Policy:
    stages = [
        rule.model_copy(update={"exclusive": rule.name == "production"}) for rule in policy.stages
    ]
    return policy.model_copy(update={"stages": tuple(stages)})


POLICIES = (guarded(open_policy()), guarded(one_at_a_time(open_policy())))


def opened(registry: Registry, folder: Path, policy: Policy, name: str = "churn") -> None:
    registry.set_policy(name, policy)
    for number in range(VERSIONS):
        register(registry, folder / name, f"v{number}", name=name)


def require_guarded(registry: Registry, name: str = "churn") -> None:
    model = registry.model(name)
    for alias, version in model.aliases.items():
        assert registry.get(f"{name}/{version}").stage == GUARDS[alias], (alias, version)


versions = st.integers(min_value=1, max_value=VERSIONS)
aliases = st.sampled_from(sorted(GUARDS))
stages = st.sampled_from(["staging", "production", "archived"])
Step = Callable[[Registry, str], object]
step: st.SearchStrategy[Step] = st.one_of(
    st.builds(
        lambda version, stage, archives: (
            lambda registry, name: registry.promote(
                f"{name}/{version}", stage, archive_existing=archives
            )
        ),
        versions,
        stages,
        st.booleans(),
    ),
    st.builds(
        lambda version: lambda registry, name: registry.demote(f"{name}/{version}"), versions
    ),
    st.builds(
        lambda alias, version: lambda registry, name: registry.set_alias(name, alias, version),
        aliases,
        versions,
    ),
    st.builds(
        lambda alias, version: lambda registry, name: registry.set_alias(name, alias, version),
        aliases,
        versions,
    ),
    st.builds(lambda alias: lambda registry, name: registry.delete_alias(name, alias), aliases),
    st.builds(lambda stage: lambda registry, name: registry.rollback(name, stage=stage), stages),
    st.builds(
        lambda version: lambda registry, name: registry.delete(f"{name}/{version}", reason="a"),
        versions,
    ),
    st.builds(
        lambda version: lambda registry, name: registry.restore(f"{name}/{version}"), versions
    ),
)


def is_done(registry: Registry, name: str, taken: Step) -> bool:
    try:
        taken(registry, name)
    except (RefusedError, NotFoundError):
        return False
    return True


@few_or_many(10, 60)
def test_a_guarded_alias_always_names_a_holder_of_its_stage(
    registry: Registry, tmp_path: Path, examples: int
) -> None:
    numbers = count()

    @settings(
        max_examples=examples,
        deadline=None,
        suppress_health_check=[HealthCheck.function_scoped_fixture],
    )
    @given(st.sampled_from(POLICIES), st.lists(step, min_size=2, max_size=14))
    def check(policy: Policy, steps: list[Step]) -> None:
        name = f"churn-{next(numbers)}"
        opened(registry, tmp_path, policy, name)
        for taken in steps:
            is_done(registry, name, taken)
            require_guarded(registry, name)

    check()
    report = fsck(registry.database, registry.store)
    assert report.violated == ()


def test_it_holds_while_many_move_stages_and_aliases_at_once(
    registry: Registry, tmp_path: Path
) -> None:
    opened(registry, tmp_path, POLICIES[1])
    chosen = Random(7)
    moves: list[Step] = [
        *(lambda r, n, v=v: r.promote(f"{n}/{v}", "production") for v in range(1, VERSIONS + 1)),
        *(lambda r, n, v=v: r.demote(f"{n}/{v}") for v in range(1, VERSIONS + 1)),
        *(lambda r, n, v=v: r.set_alias(n, "champion", v) for v in range(1, VERSIONS + 1)),
        lambda r, n: r.rollback(n),
    ]
    with ThreadPoolExecutor(6) as pool:
        taken = [partial(is_done, registry, "churn", chosen.choice(moves)) for _ in range(90)]
        done = list(pool.map(lambda task: task(), taken))
    assert any(done)
    require_guarded(registry)
    assert check_replay(registry.database).examples == []


def test_a_version_that_does_not_hold_the_stage_is_not_named(
    registry: Registry, tmp_path: Path
) -> None:
    opened(registry, tmp_path, POLICIES[0])
    with pytest.raises(GateNotPassedError, match="the stage production, which guards") as caught:
        registry.set_alias("churn", "champion", 1)
    assert (caught.value.field, caught.value.value) == ("alias", "champion")
    assert "promote churn/1 --to production" in (caught.value.remedy or "")
    registry.promote("churn/1", "production")
    registry.set_alias("churn", "champion", 1)
    assert registry.get("churn@champion").reference == "churn/1"
    with pytest.raises(InvalidAliasError, match="only by case"):
        registry.set_alias("churn", "Champion", 1)
    registry.promote("churn/2", "production")
    registry.set_alias("churn", "champion", 2)
    assert registry.get("churn@champion").reference == "churn/2"


def test_it_follows_the_version_that_takes_the_stage_over(
    registry: Registry, tmp_path: Path
) -> None:
    registry.set_policy("churn", default_policy().model_copy(update={"aliases": GUARDS}))
    first = register_candidate(registry, tmp_path, "a")
    promote_to_production(registry, first)
    registry.set_alias("churn", "champion", 1)
    second = register_candidate(registry, tmp_path, "b")
    registry.promote(second, "staging")
    registry.set_alias("churn", "next", 2)
    registry.promote(second, "production", reason="better")
    assert registry.model("churn").aliases == {"champion": 2}
    by_type = [event for event in registry.events(limit=1000) if event.body.get("alias")][-2:]
    assert [(event.type, event.version) for event in by_type] == [
        (EventType.ALIAS_SET, 2),
        (EventType.ALIAS_DELETED, 2),
    ]
    assert by_type[0].body["previous_version"] == 1
    registry.rollback("churn", reason="worse")
    assert registry.model("churn").aliases == {"champion": 1}
    assert check_replay(registry.database).examples == []


def test_the_sensor_moves_it_with_its_promotion(registry: Registry, tmp_path: Path) -> None:
    registry.set_policy("churn", default_policy().model_copy(update={"aliases": GUARDS}))
    promote_to_production(registry, register_candidate(registry, tmp_path, "a"))
    registry.set_alias("churn", "champion", 1)
    second = register_candidate(registry, tmp_path, "b")
    for stage in ("staging", "production"):
        registry.promote(second, stage, automatic=True)
    assert registry.model("churn").aliases == {"champion": 2}


def test_it_is_let_go_where_nobody_takes_the_stage_over(registry: Registry, tmp_path: Path) -> None:
    opened(registry, tmp_path, POLICIES[0])
    registry.promote("churn/1", "production")
    registry.promote("churn/2", "production")
    registry.set_alias("churn", "champion", 1)
    registry.demote("churn/1", reason="out")
    assert registry.model("churn").aliases == {}
    events = registry.events(limit=1000)[-2:]
    assert [event.type for event in events] == [
        EventType.ALIAS_DELETED,
        EventType.VERSION_STAGE_CHANGED,
    ]
    assert {event.body["reason"] for event in events} == {"out"}
    registry.set_alias("churn", "champion", 2)
    registry.promote("churn/3", "production", archive_existing=True)
    assert registry.model("churn").aliases == {"champion": 3}


def test_a_policy_that_an_alias_breaks_is_refused(registry: Registry, tmp_path: Path) -> None:
    opened(registry, tmp_path, open_policy())
    registry.set_alias("churn", "champion", 1)
    with pytest.raises(InvalidPolicyError, match="names churn/1, which does not hold production"):
        registry.set_policy("churn", POLICIES[0])
    registry.promote("churn/1", "production")
    registry.set_policy("churn", POLICIES[0])
    registry.delete_alias("churn", "champion")
    registry.set_policy("churn", open_policy())
    registry.set_alias("churn", "Champion", 1)
    with pytest.raises(InvalidPolicyError, match="only by case or form from the alias 'Champion'"):
        registry.set_policy("churn", POLICIES[0])


@pytest.mark.parametrize(
    ("aliases", "problem"),
    [
        ({"champion": "nirvana"}, "guarded by 'nirvana', not declared"),
        ({"production": "production"}, "has the name of a stage"),
        ({"v1": "production"}, "reserved for version numbers"),
        ({"champion": "production", "Champion": "production"}, "differ only by case"),
    ],
)
def test_a_guard_that_cannot_hold_is_refused(aliases: dict[str, str], problem: str) -> None:
    with pytest.raises(InvalidPolicyError, match=problem):
        parse_policy({**open_policy().model_dump(mode="json"), "aliases": aliases})


def test_guards_are_written_as_yaml_and_read_again() -> None:
    text = write_document(POLICIES[0])
    assert "aliases:\n  champion: production" in text
    assert read_document(text) == POLICIES[0]


def test_the_database_refuses_and_fsck_finds_an_alias_of_another_version(
    registry: Registry, tmp_path: Path
) -> None:
    opened(registry, tmp_path, POLICIES[0])
    registry.promote("churn/1", "production")
    registry.set_alias("churn", "champion", 1)
    edit = (
        "UPDATE pedigree.tenure SET held_until = clock_timestamp(), ended_by = 'move'"
        " WHERE pointer = 'stage' AND version = 1"
    )
    with pytest.raises(psycopg.errors.CheckViolation, match="which guards it"):
        registry.database.transaction(lambda transaction: transaction.execute(edit))
    registry.database.transaction(
        lambda transaction: [
            transaction.execute(text)
            for text in ("SET LOCAL session_replication_role = replica", edit)
        ]
    )
    assert "aliases_guarded" in fsck(registry.database, registry.store).violated
