"""Requests whose answers are kept with what they changed, so that a repetition gets the same."""

from base64 import b64decode
from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Any, NamedTuple

from pedigree.catalog.records import Registration
from pedigree.errors import KeyReusedError, RequestInFlightError

KEPT = timedelta(days=1)


class NewAnswer(NamedTuple):
    """The answer to a registration, before the database fills its holes."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class KeptRequest(NamedTuple):
    """A principal's idempotency key, the fingerprint of its request, and how it is answered."""

    principal: str
    key: str
    fingerprint: bytes
    answer: Callable[[Registration], NewAnswer]
    """Answers a registration whose fields may be texts with holes, as ``to_json`` accepts them."""


class KeptAnswer(NamedTuple):
    """An answer as the database keeps it."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    is_replayed: bool


def kept_answer(row: Mapping[str, Any], request: KeptRequest) -> KeptAnswer:
    """Return the answer of the earlier request with a key.

    Raises:
        KeyReusedError: The earlier request was another one.
    """
    require_same_request(request.key, b64decode(row["fingerprint"]), request.fingerprint)
    return KeptAnswer(row["status"], row["headers"], b64decode(row["body"]), is_replayed=True)


def require_same_request(key: str, kept: bytes, given: bytes) -> None:
    """Refuse a key that was sent with another request.

    Raises:
        KeyReusedError: The fingerprints differ.
    """
    if kept != given:
        raise KeyReusedError(
            "this key was already sent with another request",
            field="Idempotency-Key",
            value=key,
            remedy="Create a new key for each request that is not a repetition",
        )


def request_in_flight(key: str) -> RequestInFlightError:
    """Return the error for a key whose first request is in progress."""
    return RequestInFlightError(
        "a request with this key is in progress",
        field="Idempotency-Key",
        value=key,
        remedy="Send it again in a moment to get the answer of the first request",
    )
