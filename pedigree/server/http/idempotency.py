"""``Idempotency-Key``: a write and its answer are kept in one transaction, or neither is.

A request that ended in an error has written nothing, and is judged anew when it is repeated.
"""

from collections.abc import Callable
from datetime import timedelta
from typing import NamedTuple

from psycopg.types.json import Jsonb

from pedigree.delivery.signing import SecretBox
from pedigree.errors import KeyReusedError, RequestInFlightError
from pedigree.postgres.queries import load_queries
from pedigree.postgres.transaction import Transaction

_SQL = load_queries(__package__)
_KEPT = timedelta(days=1)


class Answer(NamedTuple):
    """A response as it is kept."""

    status: int
    headers: dict[str, str]
    body: bytes


class Key(NamedTuple):
    """One principal's key, and what it was sent with."""

    principal: str
    key: str
    fingerprint: bytes


def once(
    transaction: Transaction, key: Key, work: Callable[[], Answer], box: SecretBox | None = None
) -> Answer:
    """Do the work and keep its answer; or return what was answered when it was done before.

    Args:
        transaction: The transaction of the work.
        key: What the request is known by.
        work: Done once.
        box: Encrypts what is kept of the answer, which holds a secret.

    Raises:
        RequestInFlightError: A request with the key is at work.
        KeyReusedError: The key belongs to another request.
    """
    named = {"principal": key.principal, "key": key.key}
    begun = transaction.execute(_SQL["begin_request"], named)
    found = transaction.execute(_SQL["kept_answer"], named)
    if begun.fetchone() == {"free": False}:
        raise RequestInFlightError(
            "a request with this key is at work",
            field="Idempotency-Key",
            value=key.key,
            remedy="Send it again in a moment, to get that one's answer",
        )
    kept = found.fetchone()
    if kept is not None:
        if bytes(kept["fingerprint"]) != key.fingerprint:
            raise KeyReusedError(
                "this key was sent with another request before",
                field="Idempotency-Key",
                value=key.key,
                remedy="Make a new key for each request that is not a repetition",
            )
        replayed = {**kept["headers"], "Idempotency-Replayed": "true"}
        body = bytes(kept["body"])
        return Answer(kept["status"], replayed, box.open(body).encode() if box else body)
    answer = work()
    body = box.seal(answer.body.decode()) if box else answer.body
    values = {"status": answer.status, "headers": Jsonb(answer.headers), "body": body}
    transaction.execute(
        _SQL["keep_answer"],
        {**named, **values, "fingerprint": key.fingerprint, "kept": _KEPT},
    )
    return answer
