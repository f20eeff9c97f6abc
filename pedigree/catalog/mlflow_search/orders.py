"""MLflow's orders as typed keys, with its refusals."""

import shlex
from collections.abc import Mapping, Sequence
from functools import lru_cache

from sqlparse.sql import Identifier
from sqlparse.tokens import Keyword, Name

from pedigree.catalog.mlflow_search.clauses import (
    as_set,
    entity_and_key,
    parsed,
    unquoted,
    without,
)
from pedigree.catalog.mlflow_search.conditions import OrderField, OrderKey, SearchedKind
from pedigree.catalog.mlflow_search.refusals import RefusedSearchError

_OF_MODELS: Mapping[str, OrderField] = {
    "name": OrderField.NAME,
    "timestamp": OrderField.UPDATED,
    "last_updated_timestamp": OrderField.UPDATED,
}
_OF_VERSIONS: Mapping[str, OrderField] = {each.value: each for each in OrderField}
_BY_NAME = OrderKey(field=OrderField.NAME, descending=False)
_BY_VERSION = OrderKey(field=OrderField.VERSION, descending=True)
_NEWEST = OrderKey(field=OrderField.UPDATED, descending=True)


def parse_order(given: Sequence[str], kind: SearchedKind) -> tuple[OrderKey, ...]:
    """Return the keys of an order, with those that decide between equal results.

    Models are sorted by name if nothing else is given, versions by the last change.

    Raises:
        RefusedSearchError: MLflow refuses it, or it has a field twice.
    """
    keys: list[OrderKey] = []
    for text in given:
        key = _order_key(text, kind)
        if key.field in {each.field for each in keys}:
            raise RefusedSearchError(f"`order_by` contains duplicate fields: {list(given)}")
        keys.append(key)
    if kind is SearchedKind.VERSIONS and not keys:
        keys = [_NEWEST]
    ties = [_BY_NAME] if kind is SearchedKind.MODELS else [_BY_NAME, _BY_VERSION]
    used = {each.field for each in keys}
    return (*keys, *(each for each in ties if each.field not in used))


@lru_cache(maxsize=512)
def _order_key(text: str, kind: SearchedKind) -> OrderKey:
    words = _words(text)
    if len(words) > 2:
        raise _not_parsed(text)
    way = words[1].lower() if len(words) == 2 else "asc"
    if way not in {"asc", "desc"}:
        raise RefusedSearchError(f"Invalid ordering key in order_by clause '{text}'.")
    field = _model_field if kind is SearchedKind.MODELS else _version_field
    return OrderKey(field=field(words[0] if words else ""), descending=way == "desc")


def _words(text: str) -> list[str]:
    """Return the words of one key: an identifier, or a timestamp, which is a type for sqlparse."""
    statements = parsed(text, "order_by clause")
    if len(statements) != 1:
        raise _not_parsed(text)
    tokens = statements[0].tokens
    first, others = tokens[0], tokens[1:]
    is_timestamp = first.match(Name.Builtin, ["timestamp"])
    if isinstance(first, Identifier) and not others:
        found = first.value
    elif is_timestamp and not others:
        found = "timestamp"
    elif (
        is_timestamp
        and all(each.is_whitespace for each in others[:-1])
        and others[-1].ttype is Keyword.Order
    ):
        found = f"timestamp {others[-1].value}"
    else:
        raise _not_parsed(text)
    try:
        words = shlex.split(found.replace("`", '"'))
    except ValueError as error:  # a quote that is not closed
        raise _not_parsed(text) from error
    return words if len(words) != 1 else [found]


def _model_field(name: str) -> OrderField:
    name = name.strip()
    if name not in _OF_MODELS:
        raise RefusedSearchError(
            f"Invalid order by key '{name}' specified. Valid keys are '{{'name', 'timestamp'}}'"
        )
    return _OF_MODELS[name]


def _version_field(name: str) -> OrderField:
    entity, key = entity_and_key(name.strip())
    key = without(unquoted(key), "`")
    if entity == "attribute" and key not in _OF_VERSIONS:
        raise RefusedSearchError(
            f"Invalid attribute key '{key}' specified. Valid keys are '{as_set(_OF_VERSIONS)}'"
        )
    if key not in _OF_VERSIONS:
        raise RefusedSearchError(
            f"Invalid order by key '{key}' specified. Valid keys are {as_set(_OF_VERSIONS)}"
        )
    return _OF_VERSIONS[key]


def _not_parsed(text: str) -> RefusedSearchError:
    return RefusedSearchError(f"Invalid order_by clause '{text}'. Could not be parsed.")
