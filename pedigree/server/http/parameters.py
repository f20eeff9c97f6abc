"""What parameters of several routes are like, and what the OpenAPI document says of them."""

import re
from datetime import datetime
from typing import Annotated

from fastapi import Header, Query
from pydantic import AwareDatetime, BeforeValidator, JsonValue
from pydantic_core import PydanticCustomError

# The rule for names, as far as a pattern can say it. The document alone has it: who breaks the rule
# is to get the rule's own words.
_NAME = r"^[^\s./\\:@%#\x00-\x1f]([^/\\:@%#\x00-\x1f]*[^\s./\\:@%#\x00-\x1f])?$"
NAMED: dict[str, JsonValue] = {"pattern": _NAME}

_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt ]")


def _text_alone(given: object) -> object:
    """Refuse a number, which would be read as seconds since 1970."""
    if not isinstance(given, datetime) and not (isinstance(given, str) and _DATE.match(given)):
        raise PydanticCustomError("datetime_type", "write a moment as 2026-03-01T12:00Z")
    return given


Moment = Annotated[AwareDatetime, BeforeValidator(_text_alone)]
"""A moment with its time zone, as ISO 8601 writes it."""

Pointer = Annotated[
    str | None,
    Query(
        max_length=300,
        description="stage:production or alias:champion",
        json_schema_extra={"pattern": "^(stage|alias):."},
    ),
]


def _plain_digits(given: object) -> object:
    """Refuse what Python reads as an integer beside digits: ``+3``, ``1_0``, ``3.0``, spaces."""
    if isinstance(given, str) and not re.fullmatch(r"-?(0|[1-9][0-9]*)", given):
        raise PydanticCustomError("int_parsing", "write an integer in digits, such as 3")
    return given


DIGITS = BeforeValidator(_plain_digits)
"""For integers in a path or a query, behind their bounds: so the JSON schema has these."""

AfterId = Annotated[
    int, Query(ge=0, lt=2**63, description="The id that the page before ended with"), DIGITS
]

_VISIBLE = r"^[\x21-\x7e]+( [\x21-\x7e]+)*$"
IfNoneMatch = Annotated[
    str | None, Header(max_length=4096, pattern=_VISIBLE, description="ETags that are known")
]
IfMatch = Annotated[
    str | None,
    Header(
        max_length=4096, pattern=_VISIBLE, description="Change only what has one of these ETags"
    ),
]
IdempotencyKey = Annotated[
    str | None,
    Header(
        max_length=255,
        pattern=_VISIBLE,
        description="Any unique text: the same request sent again with it is done once",
    ),
]
