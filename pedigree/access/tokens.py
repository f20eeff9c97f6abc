"""Service tokens: create, look up by secret, and revoke.

A secret has 256 random bits, so its sha256 is practically unguessable and needs no salt. The
look-up uses that hash, so its duration reveals nothing about the secret.
"""

import hashlib
import secrets
from collections.abc import Iterable
from datetime import timedelta
from typing import Any

from pydantic import JsonValue

from pedigree._record import RecordPage
from pedigree.access.records import AccessToken, IssuedToken, Role
from pedigree.access.reserved import claimed
from pedigree.audit import log
from pedigree.audit.records import Actor, EventType
from pedigree.errors import InvalidInputError, NotPermittedError, TokenNotFoundError
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
    actor: Actor,
    *,
    roles: Iterable[Role],
    models: Iterable[str],
    expires: timedelta | None,
    workload: JsonValue = None,
) -> IssuedToken:
    """Create a token; only the result contains its secret.

    Args:
        transaction: Where to write it.
        principal: Whom it stands for.
        actor: Who creates it.
        roles: What it may do.
        models: Names of models or patterns of them; all models when empty.
        expires: How long it is valid; without limit when None.
        workload: The workload that it is for, which the event then describes.

    Raises:
        InvalidInputError: The principal is not a valid name, or no role is given.
        ReservedNameError: The principal is reserved for Pedigree.
        NotPermittedError: The principal is deactivated.
    """
    _require_principal(principal)
    given = tuple(dict.fromkeys(roles))
    if not given:
        raise InvalidInputError(
            "a token needs a role", field="roles", remedy=f"Choose from {', '.join(Role)}"
        )
    _require_active(transaction, principal)
    secret = PREFIX + secrets.token_urlsafe(_SECRET_BYTES)
    values: dict[str, Any] = {
        "principal": principal,
        "secret_hash": _hash(secret),
        "roles": [role.value for role in given],
        "models": list(models),
        "actor": actor.name,
        "actor_source": actor.source,
        "expires": expires,
    }
    row = transaction.execute(SQL["insert_token"], values).fetchall()[0]
    token = _token_of(row)
    _record(
        transaction,
        EventType.TOKEN_CREATED,
        token,
        actor,
        {
            "roles": values["roles"],
            "models": values["models"],
            "expires_at": token.expires_at.isoformat() if token.expires_at else None,
            # So that a replaced secret is detectable.
            "secret_hash": values["secret_hash"].hex(),
            **({} if workload is None else {"workload": workload}),
        },
    )
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


def valid_token(transaction: Transaction, secret: str) -> AccessToken | None:
    """Return the token of a secret; None if it does not exist, is revoked or has expired."""
    row = transaction.execute(SQL["find_token"], values_of(secret)).fetchone()
    return token_in(row) if row else None


def values_of(secret: str) -> dict[str, object]:
    """Return the parameters of the query ``find_token``."""
    return {"secret_hash": f"\\x{_hash(secret).hex()}"}


def token_in(row: Row) -> AccessToken:
    """Return the token of a row of the query ``find_token``."""
    return AccessToken.model_validate_json(row["token"])


def any_token(transaction: Transaction) -> bool:
    """Return whether a token exists that is neither revoked nor expired."""
    return transaction.execute(SQL["any_token"]).fetchone() == {"present": True}


def _hash(secret: str) -> bytes:
    return hashlib.sha256(secret.encode()).digest()


def _token_of(row: Row) -> AccessToken:
    return AccessToken(**row)


def _require_principal(principal: str) -> None:
    fits = 0 < len(principal) <= _LONGEST_PRINCIPAL
    if not fits or not principal.isprintable() or principal != principal.strip():
        raise InvalidInputError(
            "is not a valid name of a principal",
            field="principal",
            value=principal,
            remedy=f"Give 1 to {_LONGEST_PRINCIPAL} printable characters, such as ci@churn",
        )
    claimed(principal, "principal")


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
