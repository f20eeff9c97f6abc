"""ETags, and what ``If-Match`` and ``If-None-Match`` ask for (RFC 9110, section 13)."""

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
    """A resource as it is now: the record, its JSON and the ETag of that."""

    value: Any
    body: bytes
    etag: str


class ChangedSinceError(StateChangedError):
    """The resource is not in the state that the caller's headers name."""

    def __init__(self, header: str, given: str, current: State | None) -> None:
        self.current = current
        super().__init__(
            "the resource is in another state" if current else "there is no such resource",
            field=header,
            value=given,
            remedy="Look at it again, then decide",
        )


def state_of(value: object) -> State:
    """Return a record with its JSON and ETag."""
    body = to_json(value)
    return State(value, body, etag_of(body))


def etag_of(body: bytes) -> str:
    """Return the ETag of what is answered."""
    return f'"{hashlib.blake2b(body, digest_size=16).hexdigest()}"'


def is_known(if_none_match: str | None, etag: str) -> bool:
    """Say whether the caller has the state of an ETag already, so that 304 tells it all."""
    if if_none_match is None:
        return False
    if if_none_match.strip() == "*":
        return True
    return etag in (tag.removeprefix("W/") for tag in _ETAG.findall(if_none_match))


def require(
    if_match: str | None, if_none_match: str | None, current: State | None, database: Database
) -> None:
    """Refuse a change where the resource is not in a state that the caller asks for.

    A version whose card was drawn since the caller saw it is in the same state.

    Args:
        if_match: The ETags that the caller has seen; a weak one never matches.
        if_none_match: ``*`` where there must be no resource yet.
        current: The resource; None where there is none.
        database: Where the earlier cards of a version are.

    Raises:
        ChangedSinceError: It is in another state.
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
