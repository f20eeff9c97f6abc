"""MLflow's filters as typed conditions, with its refusals.

``name = 'churn' AND tags.`team` LIKE 'gr%'``: comparisons joined by AND. What MLflow refuses is
refused here, by the same text; where its server fails with an internal error, it is refused, too.
"""

import ast
from collections.abc import Mapping
from functools import lru_cache

from pedigree.catalog.mlflow_search.clauses import (
    FLOAT,
    LIST,
    NUMBER,
    TEXT,
    Clause,
    as_set,
    clauses,
    entity_and_key,
    unquoted,
    without,
)
from pedigree.catalog.mlflow_search.conditions import (
    IS_PROMPT,
    Comparator,
    Condition,
    ConditionField,
    Conditions,
    ConditionValue,
    SearchedKind,
)
from pedigree.catalog.mlflow_search.refusals import RefusedSearchError

_KEYS: Mapping[SearchedKind, frozenset[str]] = {
    SearchedKind.MODELS: frozenset({"name"}),
    SearchedKind.VERSIONS: frozenset({"name", "run_id", "source_path", "version_number"}),
}
_LISTS: Mapping[SearchedKind, frozenset[str]] = {
    SearchedKind.MODELS: frozenset({"name"}),
    SearchedKind.VERSIONS: frozenset({"name", "run_id"}),
}
_NUMERIC = ("creation_timestamp", "last_updated_timestamp", "version_number")
_OF_TEXTS = frozenset({"=", "!=", "LIKE", "ILIKE"})
_OF_LISTS = frozenset({"IN", "NOT IN"})
_OF_NUMBERS = frozenset({"=", "!=", "<", "<=", ">", ">="})
# Larger numbers are those of no version, whatever they are compared by.
_MOST = 2**62

_Value = str | int | float | tuple[str, ...]
_Read = tuple[str | None, str, str, _Value]


@lru_cache(maxsize=512)
def parse_filter(text: str, kind: SearchedKind) -> Conditions:
    """Return the conditions of a filter; none if it is empty.

    Raises:
        RefusedSearchError: MLflow refuses it, or its server fails on it; the message is MLflow's.
    """
    read = [_read(each, kind) for each in clauses(text)]
    conditions = tuple(_condition(*each) for each in read)
    if _asks_for_prompts(conditions):
        return Conditions(parts=conditions, without_prompts=False)
    # Prompts are left out as a whole, so the tag is not compared.
    parts = tuple(each for each in conditions if each.key != IS_PROMPT)
    return Conditions(parts=parts, without_prompts=True)


def _asks_for_prompts(conditions: tuple[Condition, ...]) -> bool:
    """Return whether the first condition on the prompt tag is one that prompts satisfy."""
    first = next((each for each in conditions if each.key == IS_PROMPT), None)
    if first is None:
        return False
    value = str(first.value).lower()
    return (first.comparator, value) in {
        (Comparator.EQUAL, "true"),
        (Comparator.UNEQUAL, "false"),
    }


def _read(clause: Clause, kind: SearchedKind) -> _Read:
    """Return a clause as the key of a tag or None, the field, the comparator and the value."""
    entity, key = entity_and_key(clause.left)
    if entity != "attribute":
        return without(unquoted(key), "`"), "tag", clause.comparator, _tag_value(clause)
    if key not in _KEYS[kind]:
        raise RefusedSearchError(
            f"Invalid attribute key '{key}' specified. Valid keys are '{as_set(_KEYS[kind])}'"
        )
    return None, key, clause.comparator, _attribute_value(clause, key, kind)


def _tag_value(clause: Clause) -> str:
    if clause.form != TEXT:
        raise RefusedSearchError(
            f"Expected a quoted string value for tag (e.g. 'my-value'). Got value {clause.right}"
        )
    return _quoted(clause.right)


def _attribute_value(clause: Clause, key: str, kind: SearchedKind) -> _Value:
    if clause.form == TEXT:
        return _quoted(clause.right)
    if clause.form == LIST:
        if key not in _LISTS[kind]:
            raise RefusedSearchError(
                f"Only {sorted(_LISTS[kind])} attributes support comparison with a list of quoted"
                " string values."
            )
        return _texts(clause.right)
    if clause.form in {NUMBER, FLOAT} and kind is SearchedKind.VERSIONS:
        if key not in _NUMERIC:
            raise RefusedSearchError(
                f"Only the '{as_set(_NUMERIC)}' attributes support comparison with numeric values."
            )
        return float(clause.right) if clause.form == FLOAT else _number(key, clause.right)
    raise RefusedSearchError(
        "Expected a quoted string value or a list of quoted string values for attributes."
        f" Got value {clause.right}"
    )


def _condition(tag: str | None, field: str, comparator: str, value: _Value) -> Condition:
    """Return a clause as a condition, if its field has the comparator and such a value."""
    if tag is not None:
        if comparator not in _OF_TEXTS:
            raise RefusedSearchError(f"Invalid comparator for tag: {comparator}")
    elif field == ConditionField.VERSION:
        value = _version(field, comparator, value)
    elif comparator not in _OF_TEXTS | _OF_LISTS or (
        comparator in _OF_LISTS and field == ConditionField.SOURCE
    ):
        raise RefusedSearchError(f"Invalid comparator for attribute: {comparator}")
    elif isinstance(value, tuple) != (comparator in _OF_LISTS):
        # MLflow's server fails on a list that is not compared by IN.
        raise RefusedSearchError(f"Invalid comparator for attribute: {comparator}")
    checked: ConditionValue = value if isinstance(value, tuple | int) else str(value)
    if comparator in {"LIKE", "ILIKE"}:
        _check_pattern(str(checked))
    return Condition(
        field=ConditionField(field), comparator=Comparator(comparator), value=checked, key=tag
    )


def _version(field: str, comparator: str, value: _Value) -> int:
    if comparator not in _OF_NUMBERS:
        raise RefusedSearchError(f"Invalid comparator for attribute {field}: {comparator}")
    if not isinstance(value, str | int):
        raise RefusedSearchError(f"Invalid value for numeric attribute '{field}': {value!r}")
    return max(-_MOST, min(_MOST, _number(field, value)))


def _number(field: str, value: str | int) -> int:
    try:
        return int(value)
    except ValueError:  # also of a number with thousands of digits
        raise RefusedSearchError(
            f"Invalid value for numeric attribute '{field}': {value!r}"
        ) from None


def _check_pattern(pattern: str) -> None:
    escapes = len(pattern) - len(pattern.rstrip("\\"))
    if escapes % 2:
        raise RefusedSearchError("LIKE pattern must not end with escape character")


def _texts(text: str) -> tuple[str, ...]:
    """Return the texts of a list in parentheses."""
    try:
        found = ast.literal_eval(text)
    except (SyntaxError, ValueError, MemoryError, RecursionError, TypeError) as error:
        raise RefusedSearchError(
            "While parsing a list in the query, expected a non-empty list of string values, but"
            " got ill-formed list."
        ) from error
    values = found if isinstance(found, tuple) else (found,)
    if not values:
        raise RefusedSearchError(
            "While parsing a list in the query, expected a non-empty list of string values, but"
            " got empty list"
        )
    if not all(isinstance(each, str) for each in values):
        raise RefusedSearchError(
            "While parsing a list in the query, expected string value, punctuation, or whitespace,"
            f" but got different type in list: {values}"
        )
    return values


def _quoted(text: str) -> str:
    """Return what is between the quotes of a value."""
    found = unquoted(text)
    if found is text:
        raise RefusedSearchError(
            "Parameter value is either not quoted or unidentified quote types used for string"
            f" value {text}. Use either single or double quotes."
        )
    return found
