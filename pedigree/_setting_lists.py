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


Doors = Annotated[tuple[Door, ...], Field(min_length=1), NoDecode, BeforeValidator(_split_spaces)]
