"""Settings that are written as lists of words, and the path prefix of a proxy."""

from enum import StrEnum
from ipaddress import IPv4Network, IPv6Network
from typing import Annotated, TypeAlias

from pydantic import BeforeValidator, Field
from pydantic_settings import NoDecode


def _split_commas(given: object) -> object:
    """Split a string at commas; return a non-string value unchanged."""
    if not isinstance(given, str):
        return given
    return [word.strip() for word in given.split(",") if word.strip()]


def _split_spaces(given: object) -> object:
    """Split a string at spaces; return a non-string value unchanged."""
    return given.split() if isinstance(given, str) else given


Network: TypeAlias = IPv4Network | IPv6Network
# NoDecode: the environment variable is a list of words, not JSON.
Networks = Annotated[tuple[Network, ...], NoDecode, BeforeValidator(_split_commas)]
PathPrefix = Annotated[str, Field(pattern=r"^(/[A-Za-z0-9_~-][A-Za-z0-9._~-]*)+$", max_length=256)]
Words = Annotated[tuple[str, ...], NoDecode, BeforeValidator(_split_spaces)]


class Door(StrEnum):
    """What a service speaks: each has routes of its own over the same verbs."""

    REST = "rest"
    WEB = "web"
    MLFLOW = "mlflow"


def _known_doors(given: object) -> object:
    """Split a string at spaces, and require that each word is a door.

    Raises:
        ValueError: There is none, or one is not; the message names it.
    """
    words = _split_spaces(given)
    doors = [each.value for each in Door]
    known = f"the doors are {', '.join(doors[:-1])} and {doors[-1]}"
    if words == []:
        raise ValueError(f"names no door of the service; {known}")
    for word in words if isinstance(words, list) else ():
        if word not in doors:
            raise ValueError(f"{word!r} is not a door of the service; {known}")
    return words


Doors = Annotated[tuple[Door, ...], Field(min_length=1), NoDecode, BeforeValidator(_known_doors)]
