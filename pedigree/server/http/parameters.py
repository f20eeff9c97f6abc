"""Types of parameters that several routes share, with their OpenAPI description."""

import re
from datetime import datetime
from typing import Annotated

from fastapi import Header, Path, Query
from pydantic import AwareDatetime, BeforeValidator, JsonValue
from pydantic_core import PydanticCustomError

from pedigree._record import PAGE

# The rule for names, as far as a pattern can express it. Only the OpenAPI document has the pattern,
# so that a caller who breaks the rule gets the rule's own message.
_NAME = r"^[^\s./\\:@%#\x00-\x1f]([^/\\:@%#\x00-\x1f]*[^\s./\\:@%#\x00-\x1f])?$"
NAMED: dict[str, JsonValue] = {"pattern": _NAME}

_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt ]")


def _text_alone(given: object) -> object:
    """Refuse a number, which would be parsed as seconds since 1970."""
    if not isinstance(given, datetime) and not (isinstance(given, str) and _DATE.match(given)):
        raise PydanticCustomError("datetime_type", "write a time as 2026-03-01T12:00Z")
    return given


Moment = Annotated[AwareDatetime, BeforeValidator(_text_alone)]
"""A time with a time zone, in ISO 8601 format."""

Pointer = Annotated[
    str | None,
    Query(
        max_length=300,
        description="stage:production or alias:champion",
        json_schema_extra={"pattern": "^(stage|alias):."},
    ),
]


def _plain_digits(given: object) -> object:
    """Refuse what Python parses as an integer besides digits: ``+3``, ``1_0``, ``3.0``, spaces."""
    if isinstance(given, str) and not re.fullmatch(r"-?(0|[1-9][0-9]*)", given):
        raise PydanticCustomError("int_parsing", "write an integer in digits, such as 3")
    return given


DIGITS = BeforeValidator(_plain_digits)
"""For integers in a path or a query; it stands after the bounds, to keep them in the schema."""

Name = Annotated[
    str,
    Path(
        min_length=1,
        max_length=256,
        description="A registered model's name",
        json_schema_extra=NAMED,
    ),
]
Number = Annotated[int, Path(ge=1, le=10**9 - 1, description="A version's number"), DIGITS]
Limit = Annotated[int, Query(ge=1, le=PAGE, description="How many at most"), DIGITS]

AfterId = Annotated[
    int, Query(ge=0, lt=2**63, description="The last id of the previous page"), DIGITS
]
AfterKnownId = Annotated[
    int | None, Query(ge=0, lt=2**63, description="The last id of the previous page"), DIGITS
]
BeforeId = Annotated[
    int | None,
    Query(ge=0, lt=2**63, description="The first id of the page that follows"),
    DIGITS,
]

_VISIBLE = r"^[\x21-\x7e]+( [\x21-\x7e]+)*$"
IfNoneMatch = Annotated[
    str | None, Header(max_length=4096, pattern=_VISIBLE, description="ETags that the caller has")
]
IfMatch = Annotated[
    str | None,
    Header(
        max_length=4096,
        pattern=_VISIBLE,
        description="Change the resource only if it has one of these ETags",
    ),
]
IdempotencyKey = Annotated[
    str | None,
    Header(
        max_length=255,
        pattern=_VISIBLE,
        description="A unique text: a repeated request with the same key is done only once",
    ),
]
