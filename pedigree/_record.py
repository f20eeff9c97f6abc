"""The base of every record: frozen, keyword-only, and strict about fields nobody knows."""

from typing import Any

from pydantic import BaseModel, ConfigDict

LARGEST = 2**53 - 1
"""The largest integer that is the same one in every reader of JSON (RFC 8785 knows no other)."""


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
