"""Service tokens: their storage, their permissions, and their end."""

from datetime import timedelta

import pytest

from pedigree.access.named_records import with_names
from pedigree.access.records import PERMISSIONS, Permission, Role, permitted
from pedigree.audit.event_types import EventType
from pedigree.errors import (
    AccessNotFoundError,
    InvalidInputError,
    ReservedNameError,
    TokenNotFoundError,
)
from pedigree.registry import Registry


def test_a_token_is_found_by_its_secret_which_is_not_stored(registry: Registry) -> None:
    issued = registry.create_token("ci@churn", roles=[Role.CONTRIBUTOR], models=["churn*"])
    assert issued.secret.startswith("pdg_")
    assert issued.secret not in repr(issued)
    bearer = registry.operations.tokens.bearer_of(issued.secret)
    assert bearer is not None
    assert with_names(bearer.token, registry.context.names) == issued.token == registry.tokens()[0]
    assert [each.name for each in bearer.held.roles] == [Role.CONTRIBUTOR]
    assert registry.operations.tokens.bearer_of(issued.secret + "x") is None
    kept = registry.database.fetch_all(
        "SELECT access_token::text AS row FROM pedigree.access_token"
    )
    recorded = [event.model_dump_json() for event in registry.events()]
    assert issued.secret not in str(kept) + str(recorded)


def test_each_change_of_a_token_writes_an_event_in_its_transaction(registry: Registry) -> None:
    token = registry.create_token("ci", roles=[Role.READER]).token
    registry.revoke_token(token.token_id)
    registry.revoke_token(token.token_id)
    recorded = registry.events(types=[EventType.TOKEN_CREATED, EventType.TOKEN_REVOKED])
    assert [(event.type, event.subject, event.actor.name) for event in recorded] == [
        ("token.created", "ci", "tester"),
        ("token.revoked", "ci", "tester"),
    ]


def test_a_revoked_token_is_refused_from_then_on(registry: Registry) -> None:
    issued = registry.create_token("ci", roles=[Role.READER])
    assert registry.operations.tokens.has_tokens()
    revoked = registry.revoke_token(issued.token.token_id)
    assert revoked.revoked_at is not None
    assert revoked.revoked_by == "tester"
    assert registry.operations.tokens.bearer_of(issued.secret) is None
    assert not registry.operations.tokens.has_tokens()


def test_an_expired_token_is_refused(registry: Registry) -> None:
    expires = timedelta(microseconds=1)
    issued = registry.create_token("ci", roles=[Role.READER], expires=expires)
    assert issued.token.expires_at == issued.token.created_at + expires
    assert registry.operations.tokens.bearer_of(issued.secret) is None
    assert not registry.operations.tokens.has_tokens()


def test_tokens_come_in_pages(registry: Registry) -> None:
    made = [registry.create_token(name, roles=[Role.READER]).token for name in ("a", "b", "c")]
    first = registry.tokens(limit=2)
    assert [*first, *registry.tokens(limit=2, after=first[-1].token_id)] == made


def test_a_contributor_cannot_move_versions_without_the_role_of_a_deployer() -> None:
    assert Permission.MOVE not in permitted([Role.CONTRIBUTOR])
    assert Permission.REGISTER not in permitted([Role.DEPLOYER])
    assert {Permission.MOVE, Permission.REGISTER} <= permitted([Role.CONTRIBUTOR, Role.DEPLOYER])
    assert permitted([Role.ADMIN]) == set(Permission)
    assert all(Permission.READ in PERMISSIONS[role] for role in Role)


@pytest.mark.parametrize("principal", ["sensor:x", "Service:reconciler", "sensor\uff1ax"])
def test_a_token_cannot_claim_a_reserved_name(registry: Registry, principal: str) -> None:
    with pytest.raises(ReservedNameError, match="principal"):
        registry.create_token(principal, roles=[Role.ADMIN])
    assert registry.tokens() == ()


@pytest.mark.parametrize("principal", ["", " ci", "a\nb", "x" * 257])
def test_a_principal_is_a_printable_name(registry: Registry, principal: str) -> None:
    with pytest.raises(InvalidInputError, match="principal"):
        registry.create_token(principal, roles=[Role.READER])
    assert registry.tokens() == ()


def test_a_token_has_roles_that_exist(registry: Registry) -> None:
    with pytest.raises(AccessNotFoundError, match="there is no such role"):
        registry.create_token("ci", roles=[Role.READER, "owner"])
    assert registry.tokens() == ()


def test_revoking_a_missing_token_is_refused(registry: Registry) -> None:
    with pytest.raises(TokenNotFoundError, match="token list"):
        registry.revoke_token(7)
