"""The filters and orders of the MLflow protocol, compared with MLflow's own parser and store."""

import re
from collections.abc import Callable
from functools import cache
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pedigree.catalog.mlflow_search.conditions import (
    IS_PROMPT,
    Comparator,
    Condition,
    ConditionField,
    Conditions,
    OrderField,
    SearchedKind,
)
from pedigree.catalog.mlflow_search.filters import parse_filter
from pedigree.catalog.mlflow_search.orders import parse_order
from pedigree.errors import InvalidInputError

_KINDS = list(SearchedKind)
_WORDS = [
    *("name", "run_id", "source_path", "version_number", "foo", "version", "timestamp", "order"),
    *(
        "tag.a",
        "tags.a",
        "tags.`a b`",
        'tags."a.b"',
        "tag.'q'",
        f"tags.`{IS_PROMPT}`",
        "tags.",
        ".",
    ),
    *("attribute.name", "attr.name", "attribute.version_number", "metrics.auc", "`name`", '"name"'),
    *("=", "!=", "<", "<=", ">", ">=", "<>", "==", "LIKE", "ilike", "RLIKE", "IN", "NOT IN", "not"),
    *("NOT LIKE", "IS NULL", "is not null", "AND", "and", "OR", "BETWEEN", "WHERE", "SELECT", ";"),
    *("'x'", '"x"', "''", "'%a_'", "'a\\'", "'it''s'", "`x`", "x", "'true'", "'False'", "'tRuE'"),
    *("3", "-3", "1.5", "1e3", "'7'", "' 7 '", "99999999999999999999", "0x1F", "NULL", "*", ","),
    *("('a', 'b')", "('a')", "()", "(1)", "(a)", '("a", "b",)', "('a' 'b')", "(", ")", "('a'"),
    *("--", "/* c */", "'", '"', "é", "a.b.c", "name='a'", "name = 'b'", "name in ('c')", "\n"),
]
_JUNK = st.text(alphabet="name tgs.`'\"=<>!()%_,;-*/\\1x\n", max_size=25)


def _joined(words: list[str], gap: str) -> str:
    return gap.join(words)


_LEFT = st.sampled_from(_WORDS[:22])
_SIGN = st.sampled_from(_WORDS[22:36])
_VALUE = st.sampled_from([each for each in _WORDS if each[0] in "'\"(0123456789-`x"])
_CLAUSE = st.builds(_joined, st.tuples(_LEFT, _SIGN, _VALUE).map(list), st.sampled_from([" ", " "]))
_FILTERS = st.one_of(
    st.lists(_CLAUSE, min_size=1, max_size=3).map(" AND ".join),
    st.builds(
        _joined,
        st.lists(st.sampled_from(_WORDS), max_size=9),
        st.sampled_from([" ", "", "  "]),
    ),
    _JUNK,
)
_ORDERS = st.one_of(
    st.builds(
        _joined,
        st.lists(
            st.sampled_from(
                [
                    *("name", "timestamp", "last_updated_timestamp", "creation_timestamp"),
                    *("version_number", "version", "ASC", "desc", "DESC", "asc", "foo", "`name`"),
                    *(
                        '"name"',
                        "tags.name",
                        "tags.x",
                        "attribute.name",
                        "attr.name",
                        ",",
                        "'name'",
                    ),
                    *("`tags`.name", "NULLS", "LAST", "TIMESTAMP", "a.b.c", "metric.x", "''", '"'),
                ]
            ),
            max_size=4,
        ),
        st.sampled_from([" ", "", "  ", "\n"]),
    ),
    _JUNK,
)


def _normal(message: str) -> str:
    """Return a message with the names of each set in one order: MLflow's has no order."""
    return re.sub(
        r"\{[^{}]*\}",
        lambda found: "{" + ", ".join(sorted(found[0][1:-1].split(", "))) + "}",
        message,
    )


@cache
def _store() -> Any:
    from mlflow.store.model_registry.sqlalchemy_store import SqlAlchemyStore

    return SqlAlchemyStore.__new__(SqlAlchemyStore)


def _by_mlflow(read: Callable[[], Any]) -> tuple[str, Any]:
    """Return what MLflow's code makes of something: a result, its refusal, or that it fails."""
    from mlflow.exceptions import MlflowException

    try:
        return "read", read()
    except MlflowException as error:
        return "refused", _normal(error.message)
    except Exception as error:  # its server answers 500
        return "failed", repr(error)


def _filter_of_mlflow(text: str, kind: SearchedKind) -> Conditions:
    from mlflow.utils.search_utils import (
        SearchModelUtils,
        SearchModelVersionUtils,
    )

    if kind is SearchedKind.MODELS:
        found = SearchModelUtils.parse_search_filter(text)
        _store()._get_search_registered_model_filter_query(None, found, "postgresql")
    else:
        found = SearchModelVersionUtils.parse_search_filter(text)
        _store()._get_search_model_versions_filter_clauses(found, "postgresql")
    parts = [
        Condition(
            field=ConditionField(each["key"] if each["type"] == "attribute" else "tag"),
            comparator=Comparator(each["comparator"]),
            value=int(each["value"]) if each["key"] == "version_number" else each["value"],
            key=None if each["type"] == "attribute" else each["key"],
        )
        for each in found
    ]
    asks_for_prompts = _store()._is_querying_prompt(found)
    kept = [each for each in parts if asks_for_prompts or each.key != IS_PROMPT]
    return Conditions(parts=tuple(kept), without_prompts=not asks_for_prompts)


def _has_list_outside_in(found: Conditions) -> bool:
    return any(
        isinstance(each.value, tuple) != (each.comparator in {Comparator.IN, Comparator.NOT_IN})
        for each in found.parts
    )


def _ends_with_escape(found: Conditions) -> bool:
    return any(
        each.comparator in {Comparator.LIKE, Comparator.ILIKE}
        and re.search(r"(?<!\\)(\\\\)*\\\Z", str(each.value))
        for each in found.parts
    )


def _agrees(text: str, kind: SearchedKind) -> str:
    way, theirs = _by_mlflow(lambda: _filter_of_mlflow(text, kind))
    if way == "read" and (_has_list_outside_in(theirs) or _ends_with_escape(theirs)):
        way = "failed"  # in the database
    if way == "read":
        clamped = [
            each for each in theirs.parts if isinstance(each.value, int) and abs(each.value) > 2**62
        ]
        if not clamped:
            assert parse_filter(text, kind) == theirs
        return way
    with pytest.raises(InvalidInputError) as refused:
        parse_filter(text, kind)
    if way == "refused":
        assert _normal(refused.value.message) == theirs
    return way


@settings(max_examples=2_000, deadline=None)
@given(text=_FILTERS, kind=st.sampled_from(_KINDS))
def test_filters_are_read_and_refused_as_by_mlflow(text: str, kind: SearchedKind) -> None:
    _agrees(text, kind)


@pytest.mark.parametrize("kind", _KINDS)
def test_generated_filters_are_of_every_kind(kind: SearchedKind) -> None:
    seen = {
        _agrees(f"{left} {sign} {value}", kind)
        for left in _WORDS[:22]
        for sign in _WORDS[22:44]
        for value in ("'x'", "3", "('a')", "1.5", "x", "NULL")
    }

    assert seen == {"read", "refused", "failed"}


@settings(max_examples=1_000, deadline=None)
@given(texts=st.lists(_ORDERS, max_size=3), kind=st.sampled_from(_KINDS))
def test_orders_are_read_and_refused_as_by_mlflow(texts: list[str], kind: SearchedKind) -> None:
    of_mlflow = (
        (lambda: _store()._parse_search_registered_models_order_by(texts))
        if kind is SearchedKind.MODELS
        else (
            lambda: _store()._parse_search_model_versions_order_by(
                texts or ["last_updated_timestamp DESC", "name ASC", "version_number DESC"]
            )
        )
    )
    way, theirs = _by_mlflow(of_mlflow)

    if way == "read":
        columns = {
            OrderField.NAME: "name",
            OrderField.VERSION: "version",
            OrderField.CREATED: "creation_time",
            OrderField.UPDATED: "last_updated_time",
        }
        ours = [
            f"{columns[each.field]} {'DESC' if each.descending else 'ASC'}"
            for each in parse_order(texts, kind)
        ]
        assert ours == [str(each).split(".")[-1] for each in theirs]
        return
    with pytest.raises(InvalidInputError) as refused:
        parse_order(texts, kind)
    if way == "refused":
        assert _normal(refused.value.message) == theirs


def test_a_long_filter_is_refused_before_it_is_parsed() -> None:
    with pytest.raises(InvalidInputError, match="more than 8000"):
        parse_filter("name = 'a' AND " * 1_000 + "name = 'a'", SearchedKind.VERSIONS)


def test_a_number_beyond_all_versions_compares_as_one() -> None:
    found = parse_filter(f"version_number < {'9' * 40}", SearchedKind.VERSIONS)

    assert [each.value for each in found.parts] == [2**62]
