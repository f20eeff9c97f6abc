"""Page tokens: where a page ended, sealed so that a token of another search is refused.

MLflow's tokens are JSON in base64, with the number of results before a page. So are ours, but for
what the JSON has, so that what is no token is refused by MLflow's texts.
"""

import base64
import binascii
import hashlib
import json
from collections.abc import Sequence
from typing import Any

from pydantic import JsonValue

from pedigree._storable import storable_text
from pedigree.catalog.mlflow_search.refusals import RefusedSearchError

_SEAL = 16
_BEYOND = 2**63


def write_token(place: tuple[JsonValue, ...], bound_to: str) -> str:
    """Return the token of the page after a place.

    Args:
        place: The values that the last result is sorted by.
        bound_to: The search that it is valid for.
    """
    content = {"after": list(place), "seal": _seal(list(place), bound_to)}
    return base64.b64encode(json.dumps(content, separators=(",", ":")).encode()).decode()


def read_token(
    token: str, bound_to: str, kinds: Sequence[type[str | int]]
) -> tuple[JsonValue, ...]:
    """Return the place of a token.

    Args:
        token: As the caller gives it.
        bound_to: The search that it must be valid for.
        kinds: The types of the values that results are sorted by.

    Raises:
        RefusedSearchError: It is none, or belongs to another search; the message is MLflow's.
    """
    found = _parsed(token)
    given = found.get("after") if isinstance(found, dict) else None
    after = given if isinstance(given, list) else []
    # Anybody can make the seal, which only tells searches apart.
    if not _are_of(kinds, after) or found.get("seal") != _seal(after, bound_to):
        raise RefusedSearchError(f"Invalid page token, {_fault(found)}")
    return tuple(after)


def _are_of(kinds: Sequence[type[str | int]], values: Sequence[object]) -> bool:
    return len(kinds) == len(values) and all(map(_is_of, kinds, values))


def _is_of(kind: type[str | int], value: object) -> bool:
    if isinstance(value, str):
        return kind is str and storable_text(value) == value
    return type(value) is kind and isinstance(value, int) and abs(value) < _BEYOND


def _parsed(token: str) -> Any:
    try:
        decoded = base64.b64decode(token)
    except (binascii.Error, ValueError) as error:
        raise RefusedSearchError("Invalid page token, could not base64-decode") from error
    try:
        return json.loads(decoded)
    except (ValueError, RecursionError) as error:
        raise RefusedSearchError(f"Invalid page token, decoded value={decoded!r}") from error


def _fault(found: object) -> str:
    offset = found.get("offset") if isinstance(found, dict) else None
    if isinstance(offset, str) and not offset.strip().lstrip("+-").isdigit():
        return f"not stringable {offset}"
    return f"parsed value={found}"


def _seal(after: list[JsonValue], bound_to: str) -> str:
    body = json.dumps([bound_to, after]).encode()
    return hashlib.sha256(body).hexdigest()[:_SEAL]
