"""Sessions of the web page: begun by a token or at an issuer, listed, and ended.

A secret has 256 random bits and is hashed, as that of a token. The rights of a session are those of
its token or of its login, which are read again with it.
"""

import hashlib
from collections.abc import Mapping
from typing import Any, NamedTuple

from psycopg.types.json import Jsonb
from pydantic import JsonValue

from pedigree._record import RecordPage
from pedigree.access import tokens
from pedigree.access.held import Bearer
from pedigree.access.oidc.identities import Identity
from pedigree.access.people import identity_in
from pedigree.access.session_records import FoundSession, GivenRights, OpenSession, WebSession
from pedigree.access.tokens import SQL
from pedigree.audit import log
from pedigree.audit.event_types import EventType
from pedigree.audit.records import Actor
from pedigree.errors import NotAuthenticatedError, SessionNotFoundError
from pedigree.postgres.pages import fetch_page
from pedigree.postgres.transaction import Row, Transaction


class SignIn(NamedTuple):
    """The sign-in of an identity at its issuer.

    Attributes:
        identity: Who the verified token of the issuer stands for.
        answer: What only this answer of the issuer has, so that it begins one session.
    """

    identity: Identity
    answer: str


def begin_by_token(transaction: Transaction, bearer: Bearer, secret: str) -> WebSession:
    """Begin the session of somebody who showed a valid token.

    Raises:
        NotAuthenticatedError: The token has ended meanwhile.
    """
    values = {
        "token_id": bearer.token.token_id,
        **dict.fromkeys(("issuer", "subject", "login", "login_hash")),
    }
    return _begun(transaction, secret, values, bearer.principal.actor)


def begin_by_login(
    transaction: Transaction, sign_in: SignIn, principal: str, secret: str
) -> WebSession:
    """Begin the session of somebody who signed in at their issuer.

    Args:
        transaction: Where to write it.
        sign_in: The sign-in, whose identity was seen before.
        principal: The principal of the identity.
        secret: The secret of the session.

    Raises:
        NotAuthenticatedError: The answer of the issuer has begun a session before.
    """
    identity = sign_in.identity
    values = {
        "token_id": None,
        "issuer": identity.issuer,
        "subject": identity.key,
        "login": Jsonb(GivenRights.of(identity).model_dump(mode="json")),
        "login_hash": _hash(sign_in.answer),
    }
    actor = Actor(name=principal, source=identity.actor.source)
    return _begun(transaction, secret, values, actor)


def find(transaction: Transaction, secret: str) -> OpenSession | None:
    """Return the open session of a secret; None if there is none."""
    row = transaction.execute(SQL["find_web_session"], values_of(secret)).fetchone()
    return session_in(row) if row else None


def values_of(secret: str) -> dict[str, object]:
    """Return the parameters of the query ``find_web_session``."""
    return {"secret_hash": f"\\x{_hash(secret).hex()}"}


def session_in(row: Mapping[str, Any]) -> OpenSession:
    """Return the session of a row of the query ``find_web_session``."""
    return OpenSession(
        FoundSession.model_validate_json(row["session"]),
        tokens.bearer_in(dict(row)) if row["token"] else None,
        identity_in(row) if row["identity"] else None,
    )


def note_used(transaction: Transaction, session_id: int) -> None:
    """Note that a session is used, to five minutes."""
    transaction.execute(SQL["note_web_session_used"], {"session_id": session_id})


def sessions(transaction: Transaction, *, limit: int, before: int | None) -> RecordPage[WebSession]:
    """Return the sessions before a number, the newest first, with ended ones."""
    found = fetch_page(transaction, SQL["web_sessions"], {"limit": limit, "before": before})
    return RecordPage((WebSession(**row) for row in found.rows), is_cut=found.is_cut)


def end_session(transaction: Transaction, session_id: int, actor: Actor) -> WebSession:
    """End a session; one that somebody ended before stays as it is.

    Raises:
        SessionNotFoundError: There is no such session.
    """
    values = {"session_id": session_id, "actor": actor.name, "actor_source": actor.source}
    ended = transaction.execute(SQL["end_web_session"], values).fetchone()
    session = _session(transaction, session_id)
    if ended is not None:
        assert session.ended_at is not None
        body = {"session_id": session_id, "principal": session.principal}
        log.record(transaction, EventType.SESSION_ENDED, body, at=session.ended_at, actor=actor)
    return session


def _begun(
    transaction: Transaction, secret: str, values: Mapping[str, object], actor: Actor
) -> WebSession:
    acting = {"actor": actor.name, "actor_source": actor.source, "secret_hash": _hash(secret)}
    row: Row | None = transaction.execute(SQL["begin_web_session"], {**values, **acting}).fetchone()
    if row is None:
        raise NotAuthenticatedError(
            "this sign-in was used before, or its token has ended",
            field="sign-in",
            remedy="Sign in again",
        )
    session = _session(transaction, row["session_id"])
    body: dict[str, JsonValue] = {
        "session_id": session.session_id,
        "principal": session.principal,
        "token_id": session.token_id,
        "issuer": session.issuer,
        "expires_at": session.expires_at.isoformat(),
    }
    log.record(transaction, EventType.SESSION_BEGUN, body, at=session.began_at, actor=actor)
    return session


def _session(transaction: Transaction, session_id: int) -> WebSession:
    row = transaction.execute(SQL["web_session"], {"session_id": session_id}).fetchone()
    if row is None:
        raise SessionNotFoundError(
            "no such session exists",
            field="session_id",
            value=session_id,
            remedy="The page Admin, Sessions lists them",
        )
    return WebSession(**row)


def _hash(secret: str) -> bytes:
    return hashlib.sha256(secret.encode()).digest()
