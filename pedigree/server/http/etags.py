"""ETags and the conditions ``If-Match`` and ``If-None-Match`` (RFC 9110, section 13)."""

import hashlib
import re
from contextlib import suppress
from typing import Any, NamedTuple

from pydantic_core import to_json

from pedigree.cards.store import newest_cards
from pedigree.catalog.lookups import find_version_row
from pedigree.catalog.records import ModelVersion
from pedigree.catalog.references import Reference
from pedigree.catalog.rows import version_json, version_json_by_card
from pedigree.errors import NotFoundError, StateChangedError
from pedigree.postgres.transaction import Row, Transaction
from pedigree.registry import Registry

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


def state_of(value: object, registry: Registry) -> State:
    """Return a record with its JSON, which has pseudonyms, and the ETag of the JSON with names.

    The JSON of a version is the text that the database holds, as in the answers to reads: another
    JSON of the same version would be another state.
    """
    if isinstance(value, ModelVersion):
        with suppress(NotFoundError):  # deleted meanwhile, so no read has its text
            body = registry.database.read(lambda tx: version_json(_row_of(tx, value))).encode()
            return State(value, body, _etag(body, registry))
    body = to_json(value)
    return State(value, body, _etag(body, registry))


def _row_of(transaction: Transaction, version: ModelVersion) -> Row:
    reference = Reference(name=version.model_name, version=version.version_id)
    return find_version_row(transaction, reference)


def _etag(body: bytes, registry: Registry) -> str:
    return etag_of(registry.context.names.shown_json(body))


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
    if_match: str | None, if_none_match: str | None, current: State | None, registry: Registry
) -> None:
    """Refuse a change if the resource is not in a state that the request requires.

    A version whose card was rendered after the caller read it counts as unchanged.

    Args:
        if_match: The ETags that the caller has read; a weak one never matches.
        if_none_match: ``*`` if the resource must not exist yet.
        current: The resource; None if it does not exist.
        registry: The registry with the earlier cards of a version.

    Raises:
        ChangedSinceError: The resource is in another state.
    """
    if (
        if_match is not None
        and not _matches(if_match, current.etag if current else None)
        and not any(_matches(if_match, each) for each in _etags_by_card(current, registry))
    ):
        raise ChangedSinceError("If-Match", if_match, current)
    if if_none_match is not None and current is not None and is_known(if_none_match, current.etag):
        raise ChangedSinceError("If-None-Match", if_none_match, current)


def _etags_by_card(current: State | None, registry: Registry) -> list[str]:
    """Return the ETags of a version with each of its newest cards, and without a card."""
    if current is None or not isinstance(version := current.value, ModelVersion):
        return []

    def read(transaction: Transaction) -> list[str]:
        cards = newest_cards(transaction, version.model_name, version.version_id)
        return version_json_by_card(_row_of(transaction, version), [*cards, None])

    return [_etag(each.encode(), registry) for each in registry.database.read(read)]


def _matches(if_match: str, etag: str | None) -> bool:
    if etag is None:
        return False
    return if_match.strip() == "*" or etag in _ETAG.findall(if_match)
