"""The base of every record: frozen, keyword-only, and strict about unknown fields."""

from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict
from pydantic_core import PydanticCustomError

PAGE = 1000
"""How many records a list has at most unless its caller says otherwise."""

LARGEST = 2**53 - 1
"""The largest integer that every JSON reader represents exactly (the limit of RFC 8785)."""


def _require_number_type(given: object) -> object:
    """Refuse values that JSON distinguishes from a number: booleans, and strings of digits."""
    if isinstance(given, bool | str):
        raise PydanticCustomError("number_type", "input should be a number")
    return given


NUMBER = BeforeValidator(_require_number_type)
Integer = Annotated[int, NUMBER]
"""An integer as in JSON, including ``2.0``; neither ``true`` nor ``"2"``.

For bounds write ``Annotated[int, Field(ge=1), NUMBER]``, so that the JSON schema has them, too.
"""


class Record(BaseModel):
    """An immutable value. A change returns a copy: ``record.model_copy(update=...)``."""

    model_config = ConfigDict(frozen=True, extra="forbid", protected_namespaces=())


def require_kind(schema: dict[str, Any]) -> None:
    """Make ``kind``, the discriminator of a union, required in a record's JSON schema.

    >>> class Dog(Record):
    ...     model_config = ConfigDict(json_schema_extra=require_kind)
    ...     kind: str = "dog"
    >>> Dog.model_json_schema()["required"]
    ['kind']
    """
    schema["required"] = ["kind", *schema.get("required", ())]
