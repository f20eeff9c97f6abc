"""Service tokens: create, look up by secret, and revoke.

A secret has 256 random bits, so its sha256 is practically unguessable and needs no salt. The
look-up uses that hash, so its duration reveals nothing about the secret.
"""

import hashlib
import secrets
from collections.abc import Collection, Iterable
from datetime import timedelta
from typing import Any

from pydantic import JsonValue

from pedigree._record import RecordPage
from pedigree.access.held import Bearer, Held
from pedigree.access.named_people import ROLE, WORDS
from pedigree.access.principal import Principal
from pedigree.access.records import AccessToken, IssuedToken, Permission, permitted
from pedigree.access.reserved import claimed
from pedigree.audit import log
from pedigree.audit.event_types import EventType
from pedigree.audit.records import Actor
from pedigree.errors import (
    AccessNotFoundError,
    InvalidInputError,
    NotPermittedError,
    OwnRightsError,
    TokenNotFoundError,
)
from pedigree.postgres.pages import fetch_page
from pedigree.postgres.queries import load_queries
from pedigree.postgres.transaction import Row, Transaction

SQL = load_queries(__package__)

PREFIX = "pdg_"
_SECRET_BYTES = 32
_LONGEST_PRINCIPAL = 256


def create_token(
    transaction: Transaction,
    principal: str,
    creator: Principal,
    *,
    roles: Iterable[str],
    models: Iterable[str],
    expires: timedelta | None,
    workload: JsonValue = None,
) -> IssuedToken:
    """Create a token; only the result contains its secret.

    Args:
        transaction: Where to write it.
        principal: Whom it stands for.
        creator: Who creates it.
        roles: The names of its roles; what its principal is granted when empty.
        models: Names of models or patterns of them; all models when empty.
        expires: How long it is valid; without limit when None.
        workload: The workload that it is for, which the event then describes.

    Raises:
        InvalidInputError: The principal is not a valid name.
        ReservedNameError: The principal is reserved for Pedigree.
        AccessNotFoundError: There is no such role.
        OwnRightsError: It is for the creator, with a role that they do not hold themselves.
        NotPermittedError: The principal is deactivated.
    """
    require_principal(principal)
    given, models, actor = tuple(dict.fromkeys(roles)), tuple(models), creator.actor
    require_roles(transaction, given)
    _require_active(transaction, principal)
    if _is_one_person(transaction, principal, creator.name):
        _require_own(creator, given, models)
    secret = PREFIX + secrets.token_urlsafe(_SECRET_BYTES)
    values: dict[str, Any] = {
        "principal": principal,
        "secret_hash": _hash(secret),
        "roles": list(given),
        "models": list(models),
        "actor": actor.name,
        "actor_source": actor.source,
        "expires": expires,
    }
    row = transaction.execute(SQL["insert_token"], values).fetchall()[0]
    token = _token_of(row)
    body: dict[str, JsonValue] = {
        "roles": values["roles"],
        "models": values["models"],
        "expires_at": token.expires_at.isoformat() if token.expires_at else None,
        # So that a replaced secret is detectable.
        "secret_hash": values["secret_hash"].hex(),
        **({} if workload is None else {"workload": workload}),
    }
    _record(transaction, EventType.TOKEN_CREATED, token, actor, body)
    return IssuedToken(token=token, secret=secret)


def revoke_token(transaction: Transaction, token_id: int, actor: Actor) -> AccessToken:
    """Revoke a token permanently; a revoked token stays unchanged.

    Raises:
        TokenNotFoundError: There is no such token.
    """
    values = {"token_id": token_id, "actor": actor.name, "actor_source": actor.source}
    row = transaction.execute(SQL["revoke_token"], values).fetchone()
    if row:
        token = _token_of(row)
        _record(transaction, EventType.TOKEN_REVOKED, token, actor, {})
        return token
    known = transaction.execute(SQL["token"], values).fetchone()
    if known is None:
        raise TokenNotFoundError(
            "no such token exists",
            field="token_id",
            value=token_id,
            remedy="`pedigree token list` lists them",
        )
    return _token_of(known)


def tokens(transaction: Transaction, *, limit: int, after: int) -> RecordPage[AccessToken]:
    """Return the tokens after ``after``, the oldest first."""
    found = fetch_page(transaction, SQL["tokens"], {"limit": limit, "after": after})
    return RecordPage(map(_token_of, found.rows), is_cut=found.is_cut)


def valid_bearer(transaction: Transaction, secret: str) -> Bearer | None:
    """Return the token of a secret; None if it does not exist, is revoked or has expired."""
    row = transaction.execute(SQL["find_bearer"], values_of(secret)).fetchone()
    return bearer_in(row) if row else None


def values_of(secret: str) -> dict[str, object]:
    """Return the parameters of the query ``find_bearer``."""
    return {"secret_hash": f"\\x{_hash(secret).hex()}"}


def bearer_in(row: Row) -> Bearer:
    """Return the token of a row of the query ``find_bearer``, and what its principal holds."""
    return Bearer(
        AccessToken.model_validate_json(row["token"]), Held.model_validate_json(row["access"])
    )


def held_by(transaction: Transaction, principal: str, roles: Collection[str]) -> Held:
    """Return what somebody holds, with these roles of their token."""
    rows = transaction.execute(SQL["access_of"], values_of_access(principal, roles)).fetchall()
    return held_in(rows[0])


def values_of_access(principal: str, roles: Collection[str]) -> dict[str, object]:
    """Return the parameters of the query ``access_of``."""
    return {"principal": principal, "roles": "{" + ",".join(roles) + "}"}


def held_in(row: Row) -> Held:
    """Return what a row of the query ``access_of`` says that somebody holds."""
    return Held.model_validate_json(row["access"])


def any_token(transaction: Transaction) -> bool:
    """Return whether a token exists that is neither revoked nor expired."""
    return transaction.execute(SQL["any_token"]).fetchone() == {"present": True}


def _hash(secret: str) -> bytes:
    return hashlib.sha256(secret.encode()).digest()


def _token_of(row: Row) -> AccessToken:
    return AccessToken(**row)


def require_principal(principal: str) -> None:
    """Require the valid name of a principal.

    Raises:
        InvalidInputError: It is not.
        ReservedNameError: It is reserved for Pedigree.
    """
    fits = 0 < len(principal) <= _LONGEST_PRINCIPAL
    if not fits or not principal.isprintable() or principal != principal.strip():
        raise InvalidInputError(
            "is not a valid name of a principal",
            field="principal",
            value=principal,
            remedy=f"Give 1 to {_LONGEST_PRINCIPAL} printable characters, such as ci@churn",
        )
    claimed(principal, "principal")
    if principal.casefold().startswith(WORDS):
        raise InvalidInputError(
            "policies write roles and groups so, and nobody's name",
            field="principal",
            value=principal,
            remedy="Give the name of a person or a system",
        )


def require_roles(transaction: Transaction, roles: Collection[str]) -> None:
    """Require that roles exist, until the end of the transaction.

    Raises:
        AccessNotFoundError: One does not.
    """
    unknown = unknown_words(transaction, [ROLE + role for role in roles])
    if unknown:
        raise AccessNotFoundError(
            "there is no such role",
            field="roles",
            value=unknown[0].removeprefix(ROLE),
            remedy="`pedigree access role list` lists them",
        )


def unknown_words(transaction: Transaction, words: Collection[str]) -> list[str]:
    """Return the words such as ``role:approver`` that name nothing; none changes until the end."""
    if not words:
        return []
    row = transaction.execute(SQL["unknown_words"], {"words": list(words)}).fetchone()
    return list(row["unknown"]) if row else []


def _is_one_person(transaction: Transaction, one: str, other: str) -> bool:
    names = {"one": one, "other": other}
    return transaction.execute(SQL["is_one_person"], names).fetchone() == {"same": True}


def _require_own(creator: Principal, roles: Iterable[str], models: Collection[str]) -> None:
    """Require that a token for its creator has only roles that they hold; a reader only reads."""
    for role in roles:
        if creator.reads_store or permitted([role]) == {Permission.READ}:
            continue
        if not all(creator.holds(role, model) for model in models or (None,)):
            raise OwnRightsError(
                "nobody gives themselves a role that they do not hold",
                field="roles",
                value=role,
                remedy="Ask another admin for it",
            )


def _require_active(transaction: Transaction, principal: str) -> None:
    """Require that the person of a name is let in, until the transaction ends."""
    row = transaction.execute(SQL["is_active_until_end"], {"principal": principal}).fetchone()
    if row != {"is_active": True}:
        raise NotPermittedError(
            "this principal is deactivated",
            field="principal",
            value=principal,
            remedy="`pedigree access reactivate` lets them in again",
        )


def _record(
    transaction: Transaction,
    event_type: EventType,
    token: AccessToken,
    actor: Actor,
    more: dict[str, JsonValue],
) -> None:
    at = token.revoked_at or token.created_at
    body: dict[str, JsonValue] = {"token_id": token.token_id, "principal": token.principal, **more}
    log.record(transaction, event_type, body, at=at, actor=actor)
