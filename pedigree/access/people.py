"""People: one person is one principal, whatever identities and tokens act for them.

The database decides who is one person with whom: its functions, under one lock, return the events
of what they changed, which are written here in the same transaction.
"""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any, LiteralString

from psycopg.types.json import Jsonb
from pydantic import JsonValue

from pedigree._record import RecordPage
from pedigree.access import tokens
from pedigree.access.oidc.identities import Identity
from pedigree.access.people_changes import apply_change
from pedigree.access.people_records import KnownPrincipal, RolesLastSeen, SeenIdentity
from pedigree.access.principal import Principal
from pedigree.access.records import IssuedToken, Role
from pedigree.access.reserved import RECOVERY
from pedigree.access.tokens import SQL
from pedigree.audit import log
from pedigree.audit.event_types import EventType
from pedigree.audit.records import Actor
from pedigree.errors import (
    NameTakenError,
    NotPermittedError,
    PedigreeError,
    PrincipalNotFoundError,
    RefusedError,
)
from pedigree.postgres.pages import fetch_page
from pedigree.postgres.transaction import Row, Transaction

_RECOVERY_LIFETIME = timedelta(hours=1)


def values_of(identity: Identity) -> dict[str, object]:
    """Return the parameters of the query ``find_identity``."""
    return {"issuer": identity.issuer, "subject": identity.key}


def identity_in(row: Mapping[str, Any]) -> SeenIdentity:
    """Return the identity of a row of the query ``find_identity``."""
    return SeenIdentity.model_validate_json(row["identity"])


def find(transaction: Transaction, identity: Identity) -> SeenIdentity | None:
    """Return what the database knows about an identity; None if it has no principal yet."""
    row = transaction.execute(SQL["find_identity"], values_of(identity)).fetchone()
    return identity_in(row) if row else None


def see(transaction: Transaction, identity: Identity) -> SeenIdentity:
    """Note what the token of an identity says, and find or add its principal.

    Args:
        transaction: Where to write it.
        identity: Who the verified token stands for.

    Raises:
        NameTakenError: The name that the token gives it belongs to somebody else.
    """
    seen = {
        "issuer": identity.issuer,
        "subject": identity.key,
        "name": identity.principal,
        "kind": identity.kind.value,
        "email": identity.email,
        "roles": [str(role) for role in identity.roles],
        "models": list(identity.models),
        "groups": list(identity.groups),
        "issued_at": identity.issued_at.isoformat(),
        "links_by_email": identity.links_by_email,
        "scim": identity.scim,
    }
    values = {"seen": Jsonb(seen), "principal": identity.principal}
    done = _done(transaction, SQL["see_identity"], identity.actor, values)
    return SeenIdentity.model_validate(done["identity"])


def principals(
    transaction: Transaction, *, name: str | None, limit: int, after: int
) -> RecordPage[KnownPrincipal]:
    """Return the principals after ``after``, or only the one of a name, with their identities."""
    values = {"name": name, "limit": limit, "after": after}
    found = fetch_page(transaction, SQL["principals"], values)
    return RecordPage((_principal(row) for row in found.rows), is_cut=found.is_cut)


def roles_last_seen(transaction: Transaction, principal: str) -> tuple[RolesLastSeen, ...]:
    """Return the roles and groups that a principal's identities had in their newest tokens."""
    rows = transaction.execute(SQL["roles_last_seen"], {"principal": principal}).fetchall()
    return tuple(RolesLastSeen.model_validate(row) for row in rows)


def link_identity(
    transaction: Transaction, principal: str, *, issuer: str, subject: str, actor: Actor
) -> KnownPrincipal:
    """Let an identity act by a principal; what it did by another one was the same person.

    Raises:
        PrincipalNotFoundError: No principal has the name.
        NotPermittedError: The actor is one of the two.
    """
    values = {"principal": principal, "issuer": issuer, "subject": subject}
    _done(transaction, SQL["link_identity"], actor, values)
    return _named(transaction, principal)


def unlink_identity(
    transaction: Transaction, principal: str, *, issuer: str, subject: str, actor: Actor
) -> KnownPrincipal:
    """Let an identity act by no principal, until its next token finds or adds one.

    Raises:
        PrincipalNotFoundError: No such identity acts by the principal.
        NotPermittedError: The actor is the principal.
    """
    values = {"principal": principal, "issuer": issuer, "subject": subject}
    _done(transaction, SQL["unlink_identity"], actor, values)
    return _named(transaction, principal)


def link_principal(
    transaction: Transaction, principal: str, *, person: str, actor: Actor
) -> KnownPrincipal:
    """Say that two principals are one person, who never counts as two.

    Raises:
        PrincipalNotFoundError: One of the names belongs to nobody.
        NotPermittedError: The actor is one of the two.
    """
    values = {"principal": principal, "person": person}
    _done(transaction, SQL["link_principal"], actor, values)
    return _named(transaction, principal)


def unlink_principal(transaction: Transaction, principal: str, actor: Actor) -> KnownPrincipal:
    """Say that a principal is a person of its own.

    Raises:
        PrincipalNotFoundError: It has no other principals.
        NotPermittedError: The actor is that person.
        RefusedError: A verified e-mail says that they are one person.
    """
    _done(transaction, SQL["unlink_principal"], actor, {"principal": principal})
    return _named(transaction, principal)


def set_active(
    transaction: Transaction, principal: str, *, active: bool, actor: Actor
) -> KnownPrincipal:
    """Let a person in, or no longer: then their tokens are revoked, and their logins refused.

    Raises:
        PrincipalNotFoundError: No principal has the name.
        NotPermittedError: The actor is that person.
    """
    values = {"principal": principal, "active": active}
    _done(transaction, SQL["set_person_active"], actor, values)
    return _named(transaction, principal)


def end_rights(transaction: Transaction, principal: str, actor: Actor) -> KnownPrincipal:
    """Revoke the tokens of a person, and end what was last seen in the tokens of their issuers.

    Raises:
        PrincipalNotFoundError: No principal has the name.
    """
    _done(transaction, SQL["end_rights"], actor, {"principal": principal})
    return _named(transaction, principal)


def erase(transaction: Transaction, principal: str, actor: Actor) -> Mapping[str, Any]:
    """Erase the names of a person, whose rights have ended; return what the database did.

    Raises:
        PrincipalNotFoundError: Nobody has the name.
        NotPermittedError: The actor is that person.
    """
    return _done(transaction, SQL["erase_person"], actor, {"principal": principal})


def recover(transaction: Transaction, principal: str, by: Actor) -> IssuedToken:
    """Let an admin in again: their person is active, and they have a token of an hour.

    Args:
        transaction: Where to write it.
        principal: The name of the admin.
        by: Who has the credentials of the database, which the event names.

    Raises:
        InvalidInputError: The principal is not a valid name.
    """
    known = principals(transaction, name=principal, limit=1, after=0)
    if known and known[0].deactivated_at is not None:
        set_active(transaction, principal, active=True, actor=RECOVERY)
    issued = tokens.create_token(
        transaction,
        principal,
        Principal(actor=RECOVERY),
        roles=[Role.ADMIN],
        models=(),
        expires=_RECOVERY_LIFETIME,
    )
    body: dict[str, JsonValue] = {
        "principal": principal,
        "token_id": issued.token.token_id,
        "by": by.model_dump(mode="json"),
    }
    at = issued.token.created_at
    log.record(transaction, EventType.ACCESS_RECOVERED, body, at=at, actor=RECOVERY)
    return issued


def _done(
    transaction: Transaction, statement: LiteralString, actor: Actor, values: Mapping[str, object]
) -> Mapping[str, Any]:
    return apply_change(transaction, statement, actor, values, _refusal)


def _refusal(refused: str, values: Mapping[str, Any]) -> PedigreeError:
    if refused == "taken":
        return NameTakenError(
            "this name of a principal belongs to another identity, or to tokens",
            field="principal",
            value=values["principal"],
            remedy="If both are one person, an admin links them: `pedigree access link NAME"
            " --issuer … --subject …`",
        )
    if refused == "oneself":
        return NotPermittedError(
            "nobody changes who they are themselves",
            field="principal",
            value=values["principal"],
            remedy="Ask another admin",
        )
    if refused == "e-mail":
        return RefusedError(
            "shares a verified e-mail with its person, so it stays the same person",
            field="principal",
            value=values["principal"],
            remedy="Correct the e-mail at the issuer, and unlink the identity",
        )
    return PrincipalNotFoundError(
        "no such principal or identity is known",
        field="principal",
        value=values["principal"],
        remedy="`pedigree access identities` lists them",
    )


def _principal(row: Row) -> KnownPrincipal:
    return KnownPrincipal.model_validate(row)


def _named(transaction: Transaction, name: str) -> KnownPrincipal:
    (found,) = principals(transaction, name=name, limit=1, after=0)
    return found
