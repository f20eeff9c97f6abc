"""Changes of records: what options set, and what ``--unset`` removes."""

from collections.abc import Iterable, Sequence
from typing import Annotated, Any, TypeAlias

import typer

from pedigree.errors import InvalidInputError

UnsetOption: TypeAlias = Annotated[
    list[str] | None,
    typer.Option(
        "--unset",
        metavar="FIELD",
        help="Remove a value, such as description, or one tag, as tags.team; repeatable.",
    ),
]


def changes(
    unset: Sequence[str] | None, removable: Iterable[str], **given: object
) -> dict[str, Any]:
    """Return the fields that a change names; None removes a value.

    Args:
        unset: The fields to remove, and tags as ``tags.KEY``.
        removable: The fields that can be removed.
        given: The values of options; None when an option is not given.

    Raises:
        InvalidInputError: A field cannot be removed, or is set and removed at once.
    """
    fields: dict[str, Any] = {name: value for name, value in given.items() if value is not None}
    for word in unset or ():
        name, dot, key = word.partition(".")
        if name not in removable or (dot and (name != "tags" or not key)):
            raise _refused("is not a field to remove", word, f"Write {_listed(removable)}")
        if dot and isinstance(fields.setdefault(name, {}), dict) and key not in fields[name]:
            fields[name] = {**fields[name], key: None}
        elif not dot and name not in fields:
            fields[name] = None
        else:
            raise _refused("is set and removed at once", word, "Leave one of them out")
    return fields


def _listed(removable: Iterable[str]) -> str:
    names = [*removable]
    return ", ".join(names + ["tags.KEY"] * ("tags" in names))


def _refused(message: str, word: str, remedy: str) -> InvalidInputError:
    return InvalidInputError(message, field="--unset", value=word, remedy=remedy)
