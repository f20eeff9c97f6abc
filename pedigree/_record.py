"""The base of every record: frozen, keyword-only, and strict about fields nobody knows."""

from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict
from pydantic_core import PydanticCustomError

PAGE = 1000
"""How many records a list has at most unless its caller says otherwise."""

LARGEST = 2**53 - 1
"""The largest integer that is the same one in every reader of JSON (RFC 8785 knows no other)."""


def _no_other_kind(given: object) -> object:
    """Refuse what JSON tells from a number: a boolean, and a text that has digits."""
    if isinstance(given, bool | str):
        raise PydanticCustomError("number_type", "input should be a number")
    return given


NUMBER = BeforeValidator(_no_other_kind)
Integer = Annotated[int, NUMBER]
"""An integer as JSON has it, ``2.0`` among them; neither ``true`` nor ``"2"``.

Where it has bounds write ``Annotated[int, Field(ge=1), NUMBER]``: so the JSON schema has them, too.
"""


class Record(BaseModel):
    """An immutable value. A change returns a copy: ``record.model_copy(update=...)``."""

    model_config = ConfigDict(frozen=True, extra="forbid", protected_namespaces=())


def require_kind(schema: dict[str, Any]) -> None:
    """Say in a record's JSON schema that its kind must be written, by which it is told from others.

    >>> class Dog(Record):
    ...     model_config = ConfigDict(json_schema_extra=require_kind)
    ...     kind: str = "dog"
    >>> Dog.model_json_schema()["required"]
    ['kind']
    """
    schema["required"] = ["kind", *schema.get("required", ())]
