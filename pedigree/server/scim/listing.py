"""Lists of SCIM: all resources page by page, or those that meet a filter."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from scim2_models import Resource, SearchRequest
from scim2_models.path import (
    CompareOperator,
    Comparison,
    FilterNode,
    LogicalExpr,
    LogicalOperator,
    Not,
    ValuePath,
)

from pedigree.server.scim.messages import dumped, refusing
from pedigree.server.scim.refusals import ScimError

MOST_SEARCHED = 10_000
"""The most resources among which a filter searches."""

# How many values all comparisons of a filter look at: some seconds.
_MOST_LOOKS = 50_000

_SCHEMA = "urn:ietf:params:scim:api:messages:2.0:ListResponse"


def equal_values(asked: SearchRequest[Any]) -> Mapping[str, str]:
    """Return the values that each result of a filter must have, by attribute in lower case.

    >>> from pedigree.server.scim.resources import User
    >>> asked = SearchRequest[User](filter='userName eq "ann" and (active pr or id eq "1")')
    >>> equal_values(asked)
    {'username': 'ann'}
    """
    if asked.filter is None:
        return {}
    node = asked.filter.ast
    is_all = isinstance(node, LogicalExpr) and node.op is LogicalOperator.and_
    terms: Sequence[FilterNode] = node.terms if isinstance(node, LogicalExpr) and is_all else [node]
    return {
        term.attr_path.attr.lower(): term.value
        for term in terms
        if isinstance(term, Comparison)
        and term.op is CompareOperator.eq
        and term.attr_path.sub_attr is None
        and isinstance(term.value, str)
    }


def page_of(
    asked: SearchRequest[Any], found: Iterable[Resource[Any]], total: int
) -> dict[str, Any]:
    """Return the answer with one page of a list.

    Args:
        asked: What was asked for.
        found: The resources of the page.
        total: How many resources there are in all.
    """
    return list_of([dumped(each, asked) for each in found], total, first=asked.start_index or 1)


def list_of(shown: Sequence[Mapping[str, Any]], total: int, *, first: int = 1) -> dict[str, Any]:
    """Return the document of a list.

    Args:
        shown: The resources as JSON has them.
        total: How many there are in all.
        first: The place of the first of them, from 1.
    """
    return {
        "schemas": [_SCHEMA],
        "totalResults": total,
        "startIndex": first,
        "itemsPerPage": len(shown),
        "Resources": shown,
    }


def page_of_matches(
    asked: SearchRequest[Any], candidates: Sequence[Resource[Any]], *, looks: int | None
) -> dict[str, Any]:
    """Return the answer with one page of the candidates that meet the filter.

    Args:
        asked: What was asked for.
        candidates: The resources.
        looks: How many values each comparison looks at; None if there are more candidates.

    Raises:
        ScimError: That would take long.
    """
    assert asked.filter is not None
    if looks is None or looks * _comparisons(asked.filter.ast) > _MOST_LOOKS:
        raise ScimError(
            "the filter would search too much: compare userName, externalId or id by eq, or"
            " compare less",
            "tooMany",
        )
    with refusing():
        matches = [each for each in candidates if asked.filter.match(each)]
    return page_of(asked, matches[asked.start_index_0 : asked.stop_index_0], len(matches))


def _comparisons(node: FilterNode) -> int:
    """Return how many comparisons a filter has."""
    match node:
        case LogicalExpr():
            return sum(map(_comparisons, node.terms))
        case Not():
            return _comparisons(node.expr)
        case ValuePath():
            return _comparisons(node.val_filter)
        case _:
            return 1
