"""Durations, as settings, policies and options write them."""

import re
from datetime import timedelta
from typing import Annotated

from pydantic import BeforeValidator, Field, PlainSerializer, WithJsonSchema

_UNITS = {"d": "days", "h": "hours", "m": "minutes", "s": "seconds"}


def read_duration(given: object) -> object:
    """Parse ``30d``, ``12h``, ``45m``, ``10s`` or ``0``; return a non-string value unchanged.

    >>> read_duration("30d")
    datetime.timedelta(days=30)

    Raises:
        ValueError: The string has another form.
    """
    if not isinstance(given, str):
        return given
    if given.strip() == "0":
        return timedelta(0)
    found = re.fullmatch(r"\s*([0-9]{1,6})\s*([dhms])\s*", given)
    if found is None:
        raise ValueError("write a duration as 30d, 12h, 45m, 10s or 0")
    return timedelta(**{_UNITS[found[2]]: int(found[1])})


Duration = Annotated[
    timedelta,
    BeforeValidator(read_duration),
    Field(ge=timedelta(0)),
    # Seconds, not ISO 8601: its years have different lengths in Postgres and in Python.
    PlainSerializer(timedelta.total_seconds, return_type=float, when_used="json"),
    WithJsonSchema(
        {
            "anyOf": [
                {"type": "string", "pattern": r"^(0|[0-9]{1,6}[dhms])$"},
                {"type": "number", "minimum": 0, "maximum": 86_399_999_913_600},
            ],
            "description": "30d, 12h, 45m, 10s or 0; or seconds",
        },
        mode="validation",
    ),
    WithJsonSchema({"type": "number", "minimum": 0}, mode="serialization"),
]
"""A duration, written as ``30d``; in JSON a number of seconds."""
