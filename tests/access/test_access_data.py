"""Roles, groups and grants as data: who gets what, and that nobody extends their own rights."""

from collections.abc import Callable
from datetime import timedelta

import psycopg
import pytest

from pedigree.access.changes import AccessChange
from pedigree.access.records import PERMISSIONS, Permission, Role
from pedigree.audit.event_types import EventType
from pedigree.audit.records import Actor
from pedigree.errors import (
    AccessInUseError,
    AccessNotFoundError,
    InvalidInputError,
    NameTakenError,
    OwnRightsError,
    PedigreeError,
)
from pedigree.registry import Registry

ANN = Actor(name="ann", source="token")


def acting(registry: Registry, name: str) -> Registry:
    """The registry for another admin, who has a token."""
    return registry.acting_as(Actor(name=name, source="token"), sees=())


def kinds(registry: Registry) -> list[str]:
    """The types of the events, without tokens'."""
    return [event.type.value for event in registry.events() if "token" not in event.type]


def test_the_built_in_roles_are_those_of_the_code(registry: Registry) -> None:
    stored = {role.name: frozenset(role.permissions) for role in registry.access_roles()}
    assert stored == {str(name): set(permissions) for name, permissions in PERMISSIONS.items()}
    assert all(role.is_built_in for role in registry.access_roles())
    assert {Role(name) for name in stored} == set(Role)


def test_a_grant_and_its_end_are_events(registry: Registry) -> None:
    made = registry.grant_access(
        "approver", "ann", models=["churn*"], stages=["production"], reason="case 7"
    )
    assert registry.access_grants() == (made,)
    assert (made.principal, made.granted_by, made.ended_at) == ("ann", "tester", None)
    ended = registry.end_grant(made.grant_id, reason="left")
    assert (ended.ended_by, ended.end_reason) == ("tester", "left")
    assert registry.end_grant(made.grant_id) == ended
    assert registry.access_grants() == ()
    assert registry.access_grants(ended=True) == (ended,)
    assert kinds(registry) == ["grant.created", "grant.ended"]
    created, over = registry.events()
    assert (created.subject, created.actor.name, created.at) == ("ann", "tester", made.granted_at)
    assert (over.body["grant_id"], over.body["reason"]) == (made.grant_id, "left")


def test_a_grant_holds_until_it_expires(registry: Registry) -> None:
    registry.grant_access("reader", "ann", expires=timedelta(microseconds=1))
    kept = registry.grant_access("reader", "ann", expires=timedelta(days=1))
    assert [each.grant_id for each in registry.access_grants()] == [kept.grant_id]
    (answer,) = registry.explain_access("ann", permission=Permission.READ)
    assert [reason.origin for reason in answer.reasons] == [f"grant {kept.grant_id}"]


def test_a_right_is_explained_by_its_grant_group_or_token(registry: Registry) -> None:
    registry.create_group("risk")
    registry.add_member("risk", "ann")
    own = registry.grant_access("deployer", "Ann", models=["churn*"], stages=["staging"])
    shared = registry.grant_access("approver", "group:risk", models=["churn"])
    token = registry.create_token("ann", roles=[Role.READER]).token

    def reasons(permission: Permission, stage: str) -> tuple[bool, list[str]]:
        (answer,) = registry.explain_access(
            "ann", model="churn", stage=stage, permission=permission
        )
        return answer.allowed, [each.origin for each in answer.reasons]

    assert reasons(Permission.MOVE, "staging") == (True, [f"grant {own.grant_id}"])
    assert reasons(Permission.MOVE, "production") == (False, [])
    by_group = f"grant {shared.grant_id} to the group risk"
    assert reasons(Permission.DECIDE, "production") == (True, [by_group])
    assert f"token {token.token_id}" in reasons(Permission.READ, "staging")[1]
    denial = registry.grant_access("approver", "ann", stages=["production"], deny=True)
    assert reasons(Permission.DECIDE, "production") == (False, [f"grant {denial.grant_id}"])
    assert len(registry.explain_access("ann")) == len(Permission)


def test_nobody_extends_their_own_rights(registry: Registry) -> None:
    registry.create_group("risk")
    registry.create_group("banned")
    registry.define_role("mover", [Permission.READ, Permission.MOVE])
    registry.add_member("risk", "ann")
    registry.add_member("banned", "ann")
    denial = registry.grant_access("deployer", "ann", deny=True)
    shared = registry.grant_access("admin", "group:banned", models=["churn"], deny=True)
    registry.grant_access("mover", "ann")
    ann = acting(registry, "ANN")
    attempts: dict[str, Callable[[], object]] = {
        "a grant to oneself": lambda: ann.grant_access("approver", "ann"),
        "in another case": lambda: ann.grant_access("approver", "aNN"),
        "to one's group": lambda: ann.grant_access("approver", "group:risk"),
        "joining a group": lambda: ann.add_member("banned", "Ann"),
        "ending a denial": lambda: ann.end_grant(denial.grant_id),
        "ending that of one's group": lambda: ann.end_grant(shared.grant_id),
        "leaving that group": lambda: ann.remove_member("banned", "ann"),
        "deleting that group": lambda: ann.delete_group("banned"),
        "more in one's role": lambda: ann.define_role("mover", list(Permission)),
        "a token with more": lambda: acting_with(registry, Role.READER).create_token(
            "ann", roles=["mover"]
        ),
    }
    before = len(registry.events())
    for attempt in attempts.values():
        with pytest.raises(OwnRightsError, match="nobody"):
            attempt()
    assert len(registry.events()) == before
    assert ann.grant_access("reader", "ann", deny=True).granted_by == "ann", "the first spelling"


def acting_with(registry: Registry, role: Role) -> Registry:
    """The registry for ann with all permissions and one role by name."""
    from dataclasses import replace

    from pedigree.access.grants import Grant
    from pedigree.access.principal import Principal
    from pedigree.registry import registry_in

    held = Principal(actor=ANN, reads_store=False)
    held = replace(held, grants=(*held.grants, Grant(role=role)))
    return registry_in(registry.context.used_by(held))


def test_a_token_for_oneself_has_roles_that_one_holds_or_reads_alone(registry: Registry) -> None:
    ann = acting_with(registry, Role.APPROVER)
    assert ann.create_token("ann", roles=[Role.APPROVER, Role.READER]).token.created_by == "ann"
    with pytest.raises(OwnRightsError, match="do not hold"):
        ann.create_token("Ann", roles=[Role.DEPLOYER])
    assert ann.create_token("bob", roles=[Role.DEPLOYER]).token.principal == "bob"


def test_revoking_access_ends_what_is_allowed_and_keeps_what_is_denied(registry: Registry) -> None:
    registry.create_group("risk")
    registry.add_member("risk", "ann")
    granted = registry.grant_access("deployer", "ann")
    denied = registry.grant_access("admin", "ann", deny=True)
    token = registry.create_token("ann", roles=[Role.READER]).token
    ended = registry.revoke_access("Ann", reason="left")
    assert (ended.grants, ended.tokens, ended.groups) == ((granted.grant_id,), (), ("risk",))
    assert [each.grant_id for each in registry.access_grants()] == [denied.grant_id]
    ended = registry.revoke_access("ann", tokens=True)
    assert ended.tokens == (token.token_id,)
    assert registry.tokens()[0].revoked_by == "tester"


def test_a_role_is_defined_changed_and_removed_when_nothing_names_it(registry: Registry) -> None:
    first = registry.define_role("curator", [Permission.READ, Permission.DESCRIBE])
    assert (first.permissions, first.defined_by) == (("describe", "read"), "tester")
    grant = registry.grant_access("curator", "ann")
    registry.define_role("curator", [Permission.READ], description="looks")
    (answer,) = registry.explain_access("ann", permission=Permission.DESCRIBE)
    assert not answer.allowed
    with pytest.raises(AccessInUseError, match="grants, tokens or policies"):
        registry.remove_role("curator")
    registry.end_grant(grant.grant_id)
    token = registry.create_token("bob", roles=["curator"]).token
    with pytest.raises(AccessInUseError):
        registry.remove_role("curator")
    registry.revoke_token(token.token_id)
    registry.remove_role("curator")
    with pytest.raises(AccessNotFoundError):
        registry.remove_role("curator")
    for change in (
        lambda: registry.define_role("admin", [Permission.READ]),
        lambda: registry.remove_role("reader"),
    ):
        with pytest.raises(AccessInUseError, match="built in"):
            change()


def test_a_group_that_is_deleted_takes_its_grants_along(registry: Registry) -> None:
    registry.create_group("risk", description="the risk team")
    with pytest.raises(NameTakenError):
        registry.create_group("risk")
    registry.add_member("risk", "ann")
    assert registry.add_member("risk", "Ann").members == ("ann",)
    grant = registry.grant_access("approver", "group:risk")
    registry.delete_group("risk", reason="merged")
    assert registry.access_groups() == ()
    (ended,) = registry.access_grants(ended=True)
    assert (ended.grant_id, ended.end_reason) == (grant.grant_id, "merged")
    assert kinds(registry)[-1] == "group.deleted"


@pytest.mark.parametrize(
    "attempt",
    [
        lambda r: r.grant_access("owner", "ann"),
        lambda r: r.grant_access("reader", "group:nobody"),
        lambda r: r.add_member("nobody", "ann"),
        lambda r: r.remove_member("nobody", "ann"),
        lambda r: r.delete_group("nobody"),
        lambda r: r.end_grant(7),
    ],
)
def test_what_does_not_exist_is_named(
    registry: Registry, attempt: Callable[[Registry], object]
) -> None:
    with pytest.raises(AccessNotFoundError, match="pedigree access"):
        attempt(registry)
    assert registry.events() == ()


@pytest.mark.parametrize(
    "attempt",
    [
        lambda r: r.grant_access("reader", "service:pedigree"),
        lambda r: r.grant_access("reader", " ann"),
        lambda r: r.grant_access("reader", "role:approver"),
        lambda r: r.grant_access("reader", "ann", models=[" churn"]),
        lambda r: r.grant_access("reader", "ann", models=["m"] * 101),
        lambda r: r.grant_access("reader", "ann", expires=timedelta(0)),
        lambda r: r.define_role("Owner!", [Permission.READ]),
        lambda r: r.define_role("owner", []),
        lambda r: r.create_group("Risk Team"),
        lambda r: r.create_token("group:risk", roles=[Role.READER]),
    ],
)
def test_what_is_not_valid_is_refused(
    registry: Registry, attempt: Callable[[Registry], object]
) -> None:
    with pytest.raises(InvalidInputError):
        attempt(registry)
    assert registry.events() == ()


def test_a_role_with_stages_is_granted_without(registry: Registry) -> None:
    registry.define_role("releaser", [Permission.MOVE], stages=["production"])
    with pytest.raises(InvalidInputError, match="stages of its own"):
        registry.grant_access("releaser", "ann", stages=["staging"])
    registry.grant_access("releaser", "ann")
    answers = {
        stage: registry.explain_access(
            "ann", model="churn", stage=stage, permission=Permission.MOVE
        )[0].allowed
        for stage in ("staging", "production")
    }
    assert answers == {"staging": False, "production": True}


def test_the_database_refuses_changes_that_somebody_else_would_have_made(
    registry: Registry,
) -> None:
    forged = (
        "SELECT pedigree.change_access(gen_random_uuid(), convert_to("
        '\'{"type":"grant.created","at":"2026-01-01T00:00:00Z",'
        '"actor":{"name":"bob","source":"token"},"body":{}}\', \'UTF8\'))'
        " FROM set_config('pedigree.actor', 'ann', true) AS a"
    )
    own = (
        "INSERT INTO pedigree.access_grant (grant_id, principal, role, models, stages, effect,"
        " granted_at, granted_by) VALUES (1, 'ann', 'admin', '{}', '{}', 'allow', now(), 'ANN')"
    )
    refusals = {forged: "is not their name", own: "access_grant_not_to_oneself"}
    for statement, reason in refusals.items():
        with pytest.raises((psycopg.Error, PedigreeError), match=reason):
            registry.database.transaction(
                lambda connection, query=statement: connection.execute(query)
            )


def test_a_permission_that_this_version_does_not_know_allows_nothing(registry: Registry) -> None:
    by = Actor(name="newer", source="PEDIGREE_ACTOR")
    registry.database.transaction(
        lambda transaction: AccessChange(transaction, by).write(
            EventType.ROLE_DEFINED,
            {
                "role": "pilot",
                "permissions": ["read", "teleport"],
                "stages": [],
                "description": None,
            },
        )
    )
    (role,) = [each for each in registry.access_roles() if each.name == "pilot"]
    assert role.permissions == ("read", "teleport")
    issued = registry.create_token("ann", roles=["pilot"])
    bearer = registry.operations.tokens.bearer_of(issued.secret)
    assert bearer is not None
    assert bearer.principal.permissions == {Permission.READ}
    assert bearer.principal.holds("pilot")
    registry.grant_access("pilot", "ann", deny=True)
    bearer = registry.operations.tokens.bearer_of(issued.secret)
    assert bearer is not None
    assert not bearer.principal.may(Permission.READ, "churn"), "what it knows, it denies"
    assert registry.fsck().violated == ()
    with pytest.raises(InvalidInputError):
        registry.define_role("pilot", ["read", "teleport"])  # type: ignore[list-item]
