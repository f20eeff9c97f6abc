"""The policies of new models, by patterns of their names."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pedigree.access.records import Permission
from pedigree.artifacts.records import Manifest, ManifestFile
from pedigree.audit.event_types import EventType
from pedigree.audit.records import Actor
from pedigree.catalog.creation import Supply
from pedigree.catalog.draft import WantedVersion
from pedigree.errors import (
    AccessInUseError,
    BytesMissingError,
    InvalidInputError,
    InvalidPolicyError,
    NotFoundError,
    NotPermittedError,
)
from pedigree.lifecycle.policy import default_policy, open_policy, policy_without_stages
from pedigree.lifecycle.policy_defaults import most_specific
from pedigree.lifecycle.records import CheckRule, Policy
from pedigree.maintenance.fsck import fsck
from pedigree.registry import Registry
from tests.factories import free_policy, new_version, register

RISKY = open_policy().model_copy(update={"aliases": {"champion": "production"}})
ANN = Actor(name="ann", source="token")


def test_a_new_model_has_the_policy_of_its_pattern_from_its_first_version_on(
    registry: Registry, tmp_path: Path
) -> None:
    registry.set_policy_default("risk-*", RISKY, reason="audit 12")
    register(registry, tmp_path, "a", name="risk-eu")
    assert registry.policy("risk-eu") == RISKY
    # The open policy has no candidates: the version was judged by the policy of its model.
    assert registry.get("risk-eu/1").stage == "none"
    (revision,) = registry.policy_history("risk-eu")
    assert (revision.revision, revision.reason) == (1, "the policy of new models risk-*")
    types = [event.type for event in registry.events(limit=1000) if event.model == "risk-eu"]
    assert types[:2] == [EventType.MODEL_CREATED, EventType.MODEL_UPDATED]
    register(registry, tmp_path, "b", name="churn")
    assert registry.policy("churn") == default_policy()
    assert fsck(registry.database, registry.store).violated == ()


def test_a_first_version_that_is_refused_leaves_no_model(registry: Registry) -> None:
    registry.set_policy_default("risk-*", RISKY)
    new = new_version()
    missing = ManifestFile(path="model.bin", size=1, digest=f"sha256:{'0' * 64}")
    wanted = WantedVersion(
        name="risk-eu",
        manifest=Manifest(
            flavor=new.metadata.flavor, signature=new.metadata.signature, files=(missing,)
        ),
        new=new,
        actor=ANN,
        is_listed=True,
    )
    before = registry.events(limit=1000)
    with pytest.raises(BytesMissingError):
        registry.operations.creator.create(wanted, lambda _: Supply(), judge=True)
    assert registry.models() == ()
    assert registry.events(limit=1000) == before


def test_a_model_without_a_version_gets_it_too_and_a_given_one_takes_its_place(
    registry: Registry,
) -> None:
    registry.set_policy_default("Risk-*", RISKY)
    registry.create_model("RISK-us")
    assert registry.policy("RISK-us") == RISKY
    registry.set_policy("risk-asia", free_policy())
    assert registry.policy("risk-asia") == free_policy()
    assert [each.revision for each in registry.policy_history("risk-asia")] == [1]


def test_where_no_pattern_fits_a_caller_s_first_policy_holds(registry: Registry) -> None:
    registry.set_policy_default("risk-*", RISKY)
    create = registry.operations.models.add_model
    create("churn", first_policy=open_policy())
    create("risk-eu", first_policy=open_policy())
    assert registry.policy("churn") == open_policy()
    assert registry.policy("risk-eu") == RISKY


def test_a_model_that_exists_keeps_its_policy(registry: Registry, tmp_path: Path) -> None:
    register(registry, tmp_path, "a", name="risk-eu")
    registry.set_policy_default("risk-*", RISKY)
    register(registry, tmp_path, "b", name="risk-eu")
    assert registry.policy("risk-eu") == default_policy()
    registry.create_model("risk-us")
    registry.set_policy_default("risk-*", policy_without_stages())
    registry.delete_policy_default("RISK-*", reason="no more")
    assert registry.policy("risk-us") == RISKY
    with pytest.raises(NotFoundError):
        registry.delete_policy_default("risk-*")


def test_who_may_only_register_creates_models_with_the_policy(
    registry: Registry, tmp_path: Path
) -> None:
    registry.set_policy_default("risk-*", RISKY)
    may = {Permission.READ, Permission.REGISTER}
    ann = registry.acting_as(ANN, permissions=may)
    register(ann, tmp_path, "a", name="risk-eu")
    ann.create_model("risk-us")
    assert ann.policy("risk-eu") == ann.policy("risk-us") == RISKY
    with pytest.raises(NotPermittedError):
        ann.set_policy_default("risk-*", open_policy())
    limited = registry.acting_as(ANN, sees=["risk-*"])
    with pytest.raises(NotPermittedError):
        limited.set_policy_default("risk-*", open_policy())
    with pytest.raises(NotPermittedError):
        limited.delete_policy_default("risk-*")


def test_they_are_listed_by_pattern_and_each_change_is_an_event(registry: Registry) -> None:
    made = registry.set_policy_default("risk-*", RISKY, reason="audit 12")
    assert (made.pattern, made.policy, made.reason) == ("risk-*", RISKY, "audit 12")
    before = registry.events(limit=1000)
    assert registry.set_policy_default("risk-*", RISKY) == made
    assert registry.events(limit=1000) == before
    registry.set_policy_default("churn", open_policy())
    assert [each.pattern for each in registry.policy_defaults()] == ["churn", "risk-*"]
    assert [each.pattern for each in registry.policy_defaults(limit=1, after="churn")] == ["risk-*"]
    registry.delete_policy_default("churn", reason="no more")
    events = registry.events(limit=1000)[-3:]
    assert [(event.type, event.body["pattern"]) for event in events] == [
        (EventType.POLICY_DEFAULT_SET, "risk-*"),
        (EventType.POLICY_DEFAULT_SET, "churn"),
        (EventType.POLICY_DEFAULT_DELETED, "churn"),
    ]


@pytest.mark.parametrize("pattern", ["", "a/b", "risk-*@1", " risk", "x" * 257])
def test_a_pattern_that_no_name_fits_is_refused(registry: Registry, pattern: str) -> None:
    with pytest.raises(InvalidInputError):
        registry.set_policy_default(pattern, open_policy())
    with pytest.raises(InvalidInputError):
        registry.delete_policy_default(pattern)


def test_a_policy_that_no_model_could_have_is_refused(registry: Registry) -> None:
    strange = CheckRule(name="artifact_scan", settings={"colour": "blue"})
    with pytest.raises(InvalidPolicyError):
        registry.set_policy_default(
            "risk-*", open_policy().model_copy(update={"registration": (strange,)})
        )
    with pytest.raises(InvalidPolicyError, match="no role and no group"):
        registry.set_policy_default("risk-*", edited_by("group:risk"))


def edited_by(*editors: str) -> Policy:
    return open_policy().model_copy(update={"editors": editors})


def test_a_group_that_it_names_stays(registry: Registry) -> None:
    registry.create_group("risk")
    registry.set_policy_default("risk-*", edited_by("group:risk"))
    with pytest.raises(AccessInUseError):
        registry.delete_group("risk")
    registry.delete_policy_default("risk-*")
    registry.delete_group("risk")


def test_the_most_specific_pattern_decides(registry: Registry) -> None:
    registry.set_policy_default("*", open_policy())
    registry.set_policy_default("risk-*", RISKY)
    registry.set_policy_default("risk-eu", policy_without_stages())
    for name in ("risk-eu", "risk-us", "churn"):
        registry.create_model(name)
    assert registry.policy("risk-eu") == policy_without_stages()
    assert registry.policy("risk-us") == RISKY
    assert registry.policy("churn") == open_policy()


letters = st.text("ab-", min_size=1, max_size=6)
patterns = st.text("ab-*", min_size=1, max_size=6)


@given(letters, st.lists(patterns, max_size=8))
def test_the_order_of_patterns_does_not_matter_and_the_name_itself_comes_first(
    name: str, given_patterns: list[str]
) -> None:
    found = most_specific(name, given_patterns)
    assert found == most_specific(name, reversed(given_patterns))
    assert most_specific(name, [*given_patterns, name]) == name
    if found is not None:
        assert most_specific(name, [found]) == found
