"""The base of every record: frozen, keyword-only, and strict about unknown fields."""

from collections.abc import Iterable
from enum import Enum
from typing import Annotated, Any, ClassVar, Literal, Self, TypeAlias, TypeVar

from pydantic import BaseModel, BeforeValidator, ConfigDict
from pydantic_core import PydanticCustomError

T_co = TypeVar("T_co", covariant=True)

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


class RecordPage(tuple[T_co, ...]):
    """The records of one page.

    Args:
        records: The records.
        is_cut: The page ends early because of its size, and more records follow.
    """

    is_cut: bool

    def __new__(cls, records: Iterable[T_co], *, is_cut: bool = False) -> Self:
        listed = super().__new__(cls, tuple(records))
        listed.is_cut = is_cut
        return listed


class Unchanged(Enum):
    """The value of a field that a change does not name; None removes the field's value."""

    UNCHANGED = "unchanged"

    def __repr__(self) -> str:
        return self.name


UNCHANGED: Literal[Unchanged.UNCHANGED] = Unchanged.UNCHANGED
IsUnchanged: TypeAlias = Literal[Unchanged.UNCHANGED]


class Record(BaseModel):
    """An immutable value. A change returns a copy: ``record.model_copy(update=...)``."""

    names_people: ClassVar[bool] = True
    """Whether its texts may name people; large records that do not are not searched for names."""

    model_config = ConfigDict(frozen=True, extra="forbid", protected_namespaces=())


def require_kind(schema: dict[str, Any]) -> None:
    """Make ``kind``, the discriminator of a union, required in a record's JSON schema.

    Only a record that is built in Python has a default for it.

    >>> class Dog(Record):
    ...     model_config = ConfigDict(json_schema_extra=require_kind)
    ...     kind: str = "dog"
    >>> schema = Dog.model_json_schema()
    >>> schema["required"], "default" in schema["properties"]["kind"]
    (['kind'], False)
    """
    schema["required"] = ["kind", *schema.get("required", ())]
    schema["properties"]["kind"].pop("default", None)


def _leave_out_defaults(schema: dict[str, Any]) -> None:
    """Remove the defaults from a JSON schema: a missing field is not the same as null."""
    for field in schema.get("properties", {}).values():
        field.pop("default", None)


class Patch(Record):
    """A change by JSON Merge Patch (RFC 7396): a missing field stays, null removes its value."""

    model_config = ConfigDict(json_schema_extra=_leave_out_defaults)

    def given(self) -> dict[str, Any]:
        """Return the fields that the change names.

        >>> class Change(Patch):
        ...     description: str | None = None
        >>> Change.model_validate({"description": None}).given(), Change().given()
        ({'description': None}, {})
        """
        return {name: getattr(self, name) for name in sorted(self.model_fields_set)}
