"""ETags and the conditions ``If-Match`` and ``If-None-Match`` (RFC 9110, section 13)."""

import hashlib
import re
from collections.abc import Iterator
from typing import Any, NamedTuple

from pydantic_core import to_json

from pedigree.cards.store import states_by_card
from pedigree.catalog.records import ModelVersion
from pedigree.errors import StateChangedError
from pedigree.postgres.database import Database

_ETAG = re.compile(r'(?:W/)?"[^"]*"')


class State(NamedTuple):
    """The current state of a resource: the record, its JSON and the ETag of the JSON."""

    value: Any
    body: bytes
    etag: str


class ChangedSinceError(StateChangedError):
    """The resource is not in the state that the request's headers require."""

    def __init__(self, header: str, given: str, current: State | None) -> None:
        self.current = current
        super().__init__(
            "the resource is in another state" if current else "there is no such resource",
            field=header,
            value=given,
            remedy="Read it again, then decide",
        )


def state_of(value: object) -> State:
    """Return a record with its JSON and ETag."""
    body = to_json(value)
    return State(value, body, etag_of(body))


def etag_of(body: bytes) -> str:
    """Return the ETag of a response body."""
    return f'"{hashlib.blake2b(body, digest_size=16).hexdigest()}"'


def is_known(if_none_match: str | None, etag: str) -> bool:
    """Return whether the caller already has the state of an ETag, so that 304 is enough."""
    if if_none_match is None:
        return False
    if if_none_match.strip() == "*":
        return True
    return etag in (tag.removeprefix("W/") for tag in _ETAG.findall(if_none_match))


def require(
    if_match: str | None, if_none_match: str | None, current: State | None, database: Database
) -> None:
    """Refuse a change if the resource is not in a state that the request requires.

    A version whose card was rendered after the caller read it counts as unchanged.

    Args:
        if_match: The ETags that the caller has read; a weak one never matches.
        if_none_match: ``*`` if the resource must not exist yet.
        current: The resource; None if it does not exist.
        database: The database with the earlier cards of a version.

    Raises:
        ChangedSinceError: The resource is in another state.
    """
    if if_match is not None and not (
        _matches(if_match, current)
        or any(_matches(if_match, each) for each in _with_other_cards(current, database))
    ):
        raise ChangedSinceError("If-Match", if_match, current)
    if if_none_match is not None and current is not None and is_known(if_none_match, current.etag):
        raise ChangedSinceError("If-None-Match", if_none_match, current)


def _with_other_cards(current: State | None, database: Database) -> Iterator[State]:
    if current is not None and isinstance(version := current.value, ModelVersion):
        yield from map(state_of, database.read(lambda tx: states_by_card(tx, version)))


def _matches(if_match: str, current: State | None) -> bool:
    if current is None:
        return False
    return if_match.strip() == "*" or current.etag in _ETAG.findall(if_match)
