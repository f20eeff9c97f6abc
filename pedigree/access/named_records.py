"""Results and errors with the names of people instead of their pseudonyms."""

from collections.abc import Callable, Mapping
from dataclasses import fields, is_dataclass, replace
from datetime import date, time, timedelta
from enum import Enum
from functools import cache
from types import GeneratorType, NoneType
from typing import Any, NamedTuple, TypeVar, cast, get_args, get_origin, get_type_hints
from uuid import UUID

from pydantic import BaseModel

from pedigree._record import Record, RecordPage
from pedigree.access.pseudonyms import SIGN, Names, pseudonyms_in_text
from pedigree.errors import PedigreeError

T = TypeVar("T")

_Change = Callable[[str], str]

_NO_TEXTS = (int, float, bool, NoneType, bytes, date, time, timedelta, UUID)
_NO_TEXT = frozenset(_NO_TEXTS)


class _Texts(NamedTuple):
    """The fields of a record that may hold texts in which people are named."""

    plain: tuple[str, ...]
    """Those that are one text, or None."""
    others: tuple[str, ...]


def with_names(result: T, names: Names) -> T:
    """Return a result with names instead of pseudonyms; the same object if it has none.

    Args:
        result: A record, a text, or a collection of them. What is neither stays as it is, and so
            do the keys of a mapping.
        names: The names of the registry's people.
    """
    if isinstance(result, GeneratorType):
        named_later: Any = (with_names(each, names) for each in result)
        return cast("T", named_later)
    unknown: list[str] = []

    def at_hand(text: str) -> str:
        name = names.name_at_hand(text)
        if name is not None:
            return name
        missing = names.names_at_hand(pseudonyms_in_text(text))[1]
        unknown.extend(missing)
        return text if missing else names.shown(text)

    named: T = _changed(result, at_hand)
    if not unknown:
        return named
    names.names_of(unknown)  # one look-up for all of them
    return cast("T", _changed(result, names.shown))


def name_people(error: PedigreeError, names: Names) -> None:
    """Put names instead of pseudonyms in an error's message and in its other parts."""
    for attribute, value in vars(error).items():
        setattr(error, attribute, with_names(value, names))
    error.args = tuple(with_names(each, names) for each in error.args)


def _changed(value: Any, change: _Change) -> Any:
    """Return a value with its texts changed; the same object if none is another."""
    kind: Any = type(value)
    if kind is str:
        return change(value) if SIGN in value else value
    if kind in _NO_TEXT:
        return value
    changed = _changer_of(kind)
    return value if changed is None else changed(value, change)


@cache
def _changer_of(kind: Any) -> Callable[[Any, _Change], Any] | None:
    """Return what changes the texts in a value of a type; None for one that has none."""
    if issubclass(kind, BaseModel):
        return _changed_record
    if issubclass(kind, tuple | list | frozenset | set):
        return _changed_list
    if issubclass(kind, Mapping):
        return _changed_mapping
    return _changed_dataclass if is_dataclass(kind) else None


def _changed_mapping(given: Mapping[Any, Any], change: _Change) -> Mapping[Any, Any]:
    changes = _changes(given, change)
    return {**given, **changes} if changes else given


def _changed_dataclass(value: Any, change: _Change) -> Any:
    given = {each.name: getattr(value, each.name) for each in fields(value) if each.init}
    changes = _changes(given, change)
    return replace(value, **changes) if changes else value


def _changed_record(record: BaseModel, change: _Change) -> BaseModel:
    texts, values = _texts_of(type(record)), record.__dict__
    changes: dict[str, Any] = {}
    for name in texts.plain:
        text = values[name]
        if text is not None and SIGN in text:
            changes[name] = change(text)
    for name in texts.others:
        given = values[name]
        changed = _changed(given, change)
        if changed is not given:
            changes[name] = changed
    return record.model_copy(update=changes) if changes else record


def _changed_list(listed: Any, change: _Change) -> Any:
    changed = [_changed(each, change) for each in listed]
    if all(new is old for new, old in zip(changed, listed, strict=True)):
        return listed
    if isinstance(listed, RecordPage):
        return RecordPage(changed, is_cut=listed.is_cut)
    if hasattr(listed, "_make"):  # a named tuple
        return listed._make(changed)
    return type(listed)(changed)


def _changes(given: Mapping[Any, Any], change: _Change) -> dict[Any, Any]:
    changed = {name: _changed(value, change) for name, value in given.items()}
    return {name: value for name, value in changed.items() if value is not given[name]}


@cache
def _texts_of(kind: type[BaseModel]) -> _Texts:
    if issubclass(kind, Record) and not kind.names_people:
        return _Texts((), ())
    hints = {name: _without_none(hint) for name, hint in get_type_hints(kind).items()}
    wanted = [name for name in kind.model_fields if _may_hold_text(hints[name])]
    plain = tuple(name for name in wanted if hints[name] is str)
    return _Texts(plain, tuple(name for name in wanted if name not in plain))


def _without_none(hint: Any) -> Any:
    """Return the only other member of a union with None, else the type itself."""
    inner = [each for each in get_args(hint) if each is not NoneType]
    return inner[0] if NoneType in get_args(hint) and len(inner) == 1 else hint


def _may_hold_text(hint: Any) -> bool:
    if isinstance(hint, type) and issubclass(hint, (Enum, *_NO_TEXTS)):
        return False
    if isinstance(hint, type) and issubclass(hint, Record) and not hint.names_people:
        return False
    inner = get_args(hint)
    if get_origin(hint) in (dict, Mapping):
        inner = inner[1:]
    return not inner or any(_may_hold_text(each) for each in inner if each is not Ellipsis)
