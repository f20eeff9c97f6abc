"""``Idempotency-Key``: one transaction stores a write and its answer, or neither.

A request that ended in an error has written nothing, and is processed again when it is repeated.
"""

from collections.abc import Callable
from typing import NamedTuple

from psycopg.types.json import Jsonb
from starlette.responses import Response

from pedigree.catalog.kept_answers import KEPT, request_in_flight, require_same_request
from pedigree.delivery.signing import SecretBox
from pedigree.postgres.queries import load_queries
from pedigree.postgres.transaction import Transaction

_SQL = load_queries(__package__)


class Answer(NamedTuple):
    """A stored response."""

    status: int
    headers: dict[str, str]
    body: bytes

    def response(self) -> Response:
        """Return the response with this answer."""
        kind = "application/json" if self.body else None
        return Response(self.body, self.status, headers=self.headers, media_type=kind)


class Key(NamedTuple):
    """A principal's idempotency key, and the fingerprint of its request."""

    principal: str
    key: str
    fingerprint: bytes


def once(
    transaction: Transaction, key: Key, work: Callable[[], Answer], box: SecretBox | None = None
) -> Answer:
    """Do the work and store its answer; or return the stored answer if it was done before.

    Args:
        transaction: The transaction of the work.
        key: The request's key.
        work: Called at most once.
        box: Encrypts the stored answer if it holds a secret.

    Raises:
        RequestInFlightError: A request with the key is in progress.
        KeyReusedError: The key belongs to another request.
    """
    named = {"principal": key.principal, "key": key.key}
    begun = transaction.execute(_SQL["begin_request"], named)
    found = transaction.execute(_SQL["kept_answer"], named)
    if begun.fetchone() == {"free": False}:
        raise request_in_flight(key.key)
    kept = found.fetchone()
    if kept is not None:
        require_same_request(key.key, bytes(kept["fingerprint"]), key.fingerprint)
        replayed = {**kept["headers"], "Idempotency-Replayed": "true"}
        body = bytes(kept["body"])
        return Answer(kept["status"], replayed, box.open(body).encode() if box else body)
    answer = work()
    body = box.seal(answer.body.decode()) if box else answer.body
    values = {"status": answer.status, "headers": Jsonb(answer.headers), "body": body}
    transaction.execute(
        _SQL["keep_answer"],
        {**named, **values, "fingerprint": key.fingerprint, "kept": KEPT},
    )
    return answer
