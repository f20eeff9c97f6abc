"""Grants: what somebody is allowed or denied, on which models and in which stages."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pedigree.access.grants import SOME, STAGED, Effect, Grant, Target
from pedigree.access.principal import Principal
from pedigree.access.records import PERMISSIONS, Permission, Role
from pedigree.audit.records import Actor
from pedigree.errors import NotPermittedError

ANN = Actor(name="ann", source="token")

models = st.sampled_from(["churn", "churn-eu", "CHURN-EU", "fraud", "\uff43hurn"])
stages = st.sampled_from(["staging", "production", "Production", "archived"])
patterns = st.lists(st.sampled_from(["churn", "churn*", "*", "fraud", "*eu"]), max_size=2)
places = st.lists(st.sampled_from(["staging", "production", "prod*", "*"]), max_size=2)
grants = st.builds(
    lambda permissions, on, within, effect: Grant(
        permissions=permissions, models=tuple(on), stages=tuple(within), effect=effect
    ),
    st.frozensets(st.sampled_from(Permission)),
    patterns,
    places,
    st.sampled_from(Effect),
)
targets = st.one_of(models, st.sampled_from([None, SOME]))
where = st.one_of(stages, st.sampled_from([None, SOME]))


def of(*held: Grant) -> Principal:
    """Somebody with these grants."""
    return Principal(actor=ANN, grants=held)


def role(name: Role, **limits: object) -> Grant:
    """A grant of a built-in role."""
    return Grant(permissions=PERMISSIONS[name], role=name, **limits)  # type: ignore[arg-type]


@given(st.lists(grants, max_size=6), grants, st.sampled_from(Permission), targets, where)
def test_a_further_denial_never_allows_and_wins(
    held: list[Grant], further: Grant, permission: Permission, model: Target, stage: Target
) -> None:
    denial = Grant(
        permissions=further.permissions,
        models=further.models,
        stages=further.stages,
        effect=Effect.DENY,
    )
    before, after = (of(*each).may(permission, model, stage) for each in (held, [denial, *held]))
    assert before or not after
    if denial.denies(permission, model, stage):
        assert not after


@given(st.lists(grants, max_size=6), grants, st.sampled_from(Permission), targets, where)
def test_a_further_allowance_takes_nothing_away(
    held: list[Grant], further: Grant, permission: Permission, model: Target, stage: Target
) -> None:
    allowance = Grant(permissions=further.permissions, models=further.models, stages=further.stages)
    before, after = (of(*each).may(permission, model, stage) for each in (held, [*held, allowance]))
    assert after or not before


@given(st.lists(grants, max_size=6), st.sampled_from(Permission), models, stages)
def test_every_model_is_each_model_and_each_model_is_some(
    held: list[Grant], permission: Permission, model: str, stage: str
) -> None:
    ann = of(*held)
    for every, one, some in (
        (ann.may(permission, None, stage), ann.may(permission, model, stage), SOME),
        (ann.may(permission, model, None), ann.may(permission, model, stage), model),
    ):
        assert one or not every
        at = stage if some is SOME else SOME
        assert ann.may(permission, some, at) or not one


@given(st.lists(grants, max_size=6).flatmap(lambda held: st.tuples(*[st.just(held)] * 2)), models)
def test_the_order_of_grants_is_without_effect(
    held: tuple[list[Grant], list[Grant]], model: str
) -> None:
    for permission in Permission:
        forward, backward = of(*held[0]), of(*reversed(held[1]))
        assert forward.may(permission, model, SOME) == backward.may(permission, model, SOME)


def test_a_denial_holds_for_every_spelling_of_a_model_and_a_stage() -> None:
    ann = of(Grant(), Grant(effect=Effect.DENY, models=("churn",)))
    assert not any(ann.may(Permission.READ, name) for name in ("churn", "Churn", "\uff43hurn"))
    bob = of(Grant(), Grant(effect=Effect.DENY, stages=("production",)))
    assert not any(
        bob.may(Permission.MOVE, "churn", name) for name in ("production", "PRODUCTION", None)
    )
    assert bob.may(Permission.MOVE, "churn", "staging")


def test_a_grant_in_some_stages_allows_what_concerns_these_stages_and_to_read() -> None:
    ann = of(role(Role.ADMIN, stages=("staging",)))
    assert ann.permissions == STAGED | {Permission.READ}
    assert ann.may(Permission.MOVE, "churn", "staging")
    assert not ann.may(Permission.MOVE, "churn", "production")
    assert not ann.may(Permission.MOVE, "churn")


def test_a_denial_in_some_stages_denies_only_what_concerns_them() -> None:
    ann = of(role(Role.ADMIN), role(Role.ADMIN, stages=("production",), effect=Effect.DENY))
    assert ann.may(Permission.DELETE, "churn")
    assert ann.may(Permission.READ, "churn")
    assert not ann.may(Permission.DECIDE, "churn", "production")


def test_a_denial_is_named_with_its_origin() -> None:
    ann = of(Grant(), Grant(effect=Effect.DENY, models=("churn*",), origin="grant 12"))
    with pytest.raises(NotPermittedError, match=r"grant 12 denies the permission read on churn\*"):
        ann.require(Permission.READ, "churn-eu")


def test_the_built_in_roles_hold_what_their_names_say() -> None:
    changes = frozenset(Permission) - {Permission.READ, Permission.AUDIT}
    assert not PERMISSIONS[Role.AUDITOR] & changes
    assert PERMISSIONS[Role.APPROVER] == {Permission.READ, Permission.DECIDE}
    assert Permission.ADMINISTER not in frozenset().union(
        *(PERMISSIONS[each] for each in Role if each is not Role.ADMIN)
    )
