"""Policies name roles and groups; who may decide is judged at the decision and at the promotion."""

from collections.abc import Callable
from pathlib import Path

import pytest

from pedigree.access.records import Permission, Role
from pedigree.audit.records import Actor
from pedigree.errors import (
    AccessInUseError,
    GateNotPassedError,
    InvalidPolicyError,
    NotPermittedError,
)
from pedigree.lifecycle.records import ApprovalRule, Policy
from pedigree.registry import Registry, registry_in
from tests.factories import free_policy, register


def asking(by: tuple[str, ...], **more: object) -> Policy:
    """A policy by which some people approve what enters production."""
    stages = tuple(
        rule.model_copy(update={"approvals": ApprovalRule(by=by), **more})
        if rule.name == "production"
        else rule
        for rule in free_policy().stages
    )
    return Policy(stages=stages)


@pytest.fixture
def staged(registry: Registry, tmp_path: Path) -> Registry:
    """A registry with a version in staging, a role and a group."""
    reference = register(registry, tmp_path, "a")
    registry.create_group("risk")
    registry.define_role("judge", [Permission.READ, Permission.DECIDE])
    registry.set_policy("churn", free_policy())
    for stage in ("candidate", "staging"):
        registry.promote(reference, stage)
    return registry


def bearer(registry: Registry, secret: str) -> Registry:
    """The registry for the holder of a token, as the service gives it to them."""
    found = registry.operations.tokens.bearer_of(secret)
    assert found is not None
    return registry_in(registry.context.used_by(found.principal))


def operated(registry: Registry) -> Registry:
    """The registry for somebody who is no author of the version: their tokens may decide."""
    return registry.acting_as(Actor(name="operator", source="git user.email"))


def approve(registry: Registry) -> None:
    registry.approve("churn/1", "production", comment="fine")


def granted(registry: Registry) -> Callable[[], object]:
    """Grant ann the role, and return how to take it from her."""
    grant = registry.grant_access("judge", "ann", models=["churn*"])
    return lambda: registry.end_grant(grant.grant_id)


def of_group(registry: Registry) -> Callable[[], object]:
    registry.add_member("risk", "ann")
    grant = registry.grant_access("judge", "group:risk", stages=["production"])
    del grant
    return lambda: registry.remove_member("risk", "ann")


def of_group_without_grant(registry: Registry) -> Callable[[], object]:
    registry.add_member("risk", "ann")
    grant = registry.grant_access("judge", "group:risk")
    return lambda: registry.end_grant(grant.grant_id)


def denied_later(registry: Registry) -> Callable[[], object]:
    registry.grant_access("judge", "ann")
    return lambda: registry.grant_access("judge", "ann", models=["churn"], deny=True)


def of_another_role(registry: Registry) -> Callable[[], object]:
    registry.grant_access("judge", "ann")
    return lambda: registry.define_role("judge", [Permission.READ])


@pytest.mark.parametrize("by", [("role:judge",), ("bob", "role:judge"), ("ann",), ()])
@pytest.mark.parametrize(
    "give", [granted, of_group, of_group_without_grant, denied_later, of_another_role]
)
def test_a_right_that_was_lost_voids_the_approval(
    staged: Registry, give: Callable[[Registry], Callable[[], object]], by: tuple[str, ...]
) -> None:
    staged.set_policy("churn", asking(by))
    take = give(staged)
    approve(bearer(staged, operated(staged).create_token("ann").secret))
    assert staged.explain("churn/1", "production").passed
    take()
    (gate,) = [
        each for each in staged.explain("churn/1", "production").gates if each.name == "approvals"
    ]
    assert not gate.passed
    assert "no longer decide: ann" in gate.reason
    with pytest.raises(GateNotPassedError, match="ann"):
        staged.promote("churn/1", "production")


def test_a_role_of_a_token_counts_until_the_token_is_revoked(staged: Registry) -> None:
    staged.set_policy("churn", asking(("role:approver",)))
    issued = operated(staged).create_token("ann", roles=[Role.APPROVER])
    approve(bearer(staged, issued.secret))
    other = operated(staged).create_token("ann", roles=[Role.APPROVER]).token.token_id
    staged.revoke_token(issued.token.token_id)
    assert staged.explain("churn/1", "production").passed, "another token has the role"
    staged.revoke_token(other)
    assert not staged.explain("churn/1", "production").passed


@pytest.mark.parametrize("by", [("role:judge",), ("group:risk",), ("bob",)])
def test_people_without_the_role_or_the_group_do_not_decide(
    staged: Registry, by: tuple[str, ...]
) -> None:
    staged.set_policy("churn", asking(by))
    ann = bearer(staged, operated(staged).create_token("ann", roles=[Role.DEPLOYER]).secret)
    with pytest.raises(NotPermittedError, match="other people"):
        approve(ann)


def test_a_process_decides_by_the_roles_and_groups_of_its_name(staged: Registry) -> None:
    staged.set_policy("churn", asking(("group:risk",)))
    ann = staged.acting_as(Actor(name="ann", source="git user.email"))
    with pytest.raises(NotPermittedError):
        approve(ann)
    staged.add_member("risk", "Ann")
    approve(ann)
    assert staged.promote("churn/1", "production").moved


def test_promoters_and_editors_are_roles_and_groups_too(staged: Registry) -> None:
    staged.add_member("risk", "ann")
    ann = staged.acting_as(Actor(name="ann", source="git user.email"))
    policy = asking((), approvals=None, promoters=("group:risk",))
    staged.set_policy("churn", policy.model_copy(update={"editors": ("group:risk",)}))
    with pytest.raises(NotPermittedError):
        staged.set_policy("churn", free_policy())
    with pytest.raises(GateNotPassedError, match="group:risk"):
        staged.promote("churn/1", "production")
    assert ann.promote("churn/1", "production").moved
    assert ann.set_policy("churn", free_policy()) > 0


@pytest.mark.parametrize("word", ["role:judg", "group:risks", "Role:judge", "group: risk"])
def test_a_policy_names_roles_and_groups_that_exist(staged: Registry, word: str) -> None:
    for policy in (
        asking((word,)),
        asking((), promoters=(word,)),
        free_policy().model_copy(update={"editors": (word,)}),
    ):
        with pytest.raises(InvalidPolicyError, match="pedigree access"):
            staged.set_policy("churn", policy)


def test_what_a_policy_names_is_not_removed(staged: Registry) -> None:
    staged.set_policy("churn", asking(("role:judge", "group:risk")))
    for remove in (
        lambda: staged.remove_role("judge"),
        lambda: staged.delete_group("risk"),
    ):
        with pytest.raises(AccessInUseError, match="policies"):
            remove()
    staged.set_policy("churn", free_policy())
    staged.remove_role("judge")
    staged.delete_group("risk")


def test_a_request_of_somebody_who_lost_the_right_to_move_waits_for_another(
    staged: Registry,
) -> None:
    staged.set_policy("churn", asking(()))
    staged.define_role("mover", [Permission.READ, Permission.REQUEST, Permission.MOVE])
    grant = staged.grant_access("mover", "ann", stages=["production"])
    ann = bearer(staged, operated(staged).create_token("ann").secret)
    ann.request_stage("churn/1", "production")
    staged.end_grant(grant.grant_id)
    bob = staged.acting_as(Actor(name="bob", source="git user.email"))
    approve(bob)
    # Bob may promote, so his approval also stands for the right that ann lost.
    assert staged.get("churn/1").stage == "production"
