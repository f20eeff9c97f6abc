"""Results and errors with the names of people instead of their pseudonyms."""

from collections.abc import Callable, Mapping
from dataclasses import fields, is_dataclass, replace
from enum import Enum
from functools import cache
from types import GeneratorType
from typing import Any, TypeVar, cast, get_args, get_type_hints

from pydantic import BaseModel

from pedigree._record import Record, RecordPage
from pedigree.access.pseudonyms import Names, pseudonyms_in_text
from pedigree.errors import PedigreeError

T = TypeVar("T")


def with_names(result: T, names: Names) -> T:
    """Return a result with names instead of pseudonyms; the same object if it has none.

    Args:
        result: A record, a text, or a collection of them. What is neither stays as it is.
        names: The names of the registry's people.
    """
    if isinstance(result, GeneratorType):
        named_later: Any = (with_names(each, names) for each in result)
        return cast("T", named_later)
    found: list[str] = []

    def note(text: str) -> str:
        found.extend(pseudonyms_in_text(text))
        return text

    _changed(result, note)
    if not found:
        return result
    names.names_of(found)  # one look-up for all of them
    named: T = _changed(result, names.shown)
    return named


def name_people(error: PedigreeError, names: Names) -> None:
    """Put names instead of pseudonyms in an error's message and in its other parts."""
    for attribute, value in vars(error).items():
        setattr(error, attribute, with_names(value, names))
    error.args = tuple(with_names(each, names) for each in error.args)


def _changed(value: Any, change: Callable[[str], str]) -> Any:
    """Return a value with its texts changed; the same object if none is another."""
    if isinstance(value, str):
        return value if isinstance(value, Enum) else change(value)
    if isinstance(value, BaseModel):
        return _changed_record(value, change)
    if isinstance(value, Mapping):
        changed = {_changed(key, change): _changed(each, change) for key, each in value.items()}
        return value if changed == value else changed
    if isinstance(value, tuple | list | frozenset | set):
        return _changed_list(value, change)
    if is_dataclass(value) and not isinstance(value, type):
        given = {each.name: getattr(value, each.name) for each in fields(value) if each.init}
        changes = _changes(given, change)
        return replace(value, **changes) if changes else value
    return value


def _changed_record(record: BaseModel, change: Callable[[str], str]) -> BaseModel:
    given = {name: getattr(record, name) for name in _texts_of(type(record))}
    changes = _changes(given, change)
    return record.model_copy(update=changes) if changes else record


def _changed_list(listed: Any, change: Callable[[str], str]) -> Any:
    changed = [_changed(each, change) for each in listed]
    if all(new is old for new, old in zip(changed, listed, strict=True)):
        return listed
    if isinstance(listed, RecordPage):
        return RecordPage(changed, is_cut=listed.is_cut)
    if hasattr(listed, "_make"):  # a named tuple
        return listed._make(changed)
    return type(listed)(changed)


def _changes(given: Mapping[str, Any], change: Callable[[str], str]) -> dict[str, Any]:
    changed = {name: _changed(value, change) for name, value in given.items()}
    return {name: value for name, value in changed.items() if value is not given[name]}


@cache
def _texts_of(kind: type[BaseModel]) -> tuple[str, ...]:
    """Return the fields of a record that may hold texts in which people are named."""
    if issubclass(kind, Record) and not kind.names_people:
        return ()
    hints = get_type_hints(kind)
    return tuple(name for name in kind.model_fields if _may_hold_text(hints[name]))


def _may_hold_text(hint: Any) -> bool:
    if isinstance(hint, type) and issubclass(hint, Enum | int | float | bytes):
        return False
    if isinstance(hint, type) and issubclass(hint, Record) and not hint.names_people:
        return False
    inner = [each for each in get_args(hint) if each is not type(None)]
    if not inner:
        return hint is not type(None) and getattr(hint, "__module__", "") != "datetime"
    return any(_may_hold_text(each) for each in inner)
