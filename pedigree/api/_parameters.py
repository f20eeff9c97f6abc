"""What parameters of several routes are like, and what the OpenAPI document says of them."""

import re
from datetime import datetime
from typing import Annotated

from fastapi import Query
from pydantic import AwareDatetime, BeforeValidator, JsonValue
from pydantic_core import PydanticCustomError

# The rule for names, as far as a pattern can say it. The document alone has it: who breaks the rule
# is to get the rule's own words.
_NAME = r"^[^\s./\\:@%#\x00-\x1f]([^/\\:@%#\x00-\x1f]*[^\s./\\:@%#\x00-\x1f])?$"
NAMED: dict[str, JsonValue] = {"pattern": _NAME}

_DATE = re.compile(r"\d{4}-\d\d-\d\d[Tt ]")


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

AfterId = Annotated[
    int, Query(ge=0, lt=2**63, description="The id that the page before ended with")
]
