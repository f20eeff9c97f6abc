"""Read a page of the list of models, and its counts."""

import base64
import binascii
import hashlib
import json
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from pedigree.catalog.overview.records import (
    MOST_COUNTED,
    FacetCount,
    ListedModel,
    ModelFacet,
    ModelFacetCounts,
    ModelFilter,
    ModelOrder,
    ModelPage,
)
from pedigree.catalog.overview.statements import counts_statement, page_statement
from pedigree.errors import InvalidInputError
from pedigree.postgres.queries import load_queries
from pedigree.postgres.transaction import Row, Transaction

SQL = load_queries(__package__)

MOST_MODELS = 200
FEW_VALUES = 10
MANY_VALUES = 200
_SEAL = 12
_NOT_SHOWN = ("name_key", "place")


class Asked(NamedTuple):
    """A valid question for a page of models.

    Attributes:
        filter: What the models have in common.
        order: Their order.
        limit: How many at most.
        after: The end of the previous page: its place in the order, and its name's key.
        unfolded: The facet of which up to 200 values are counted, instead of ten.
    """

    filter: ModelFilter
    order: ModelOrder
    limit: int
    after: tuple[float, str] | None
    unfolded: ModelFacet | None

    @property
    def bound_to(self) -> str:
        """What a cursor of this question is valid for."""
        return _bound_to(self.filter, self.order)


def question(
    filter: ModelFilter,
    *,
    order: ModelOrder,
    limit: int,
    after: str | None,
    unfolded: ModelFacet | None,
) -> Asked:
    """Return a valid question.

    Raises:
        InvalidInputError: The limit is outside its domain, or the cursor is that of another list.
    """
    if not 1 <= limit <= MOST_MODELS:
        raise InvalidInputError(
            "is outside its domain", field="limit", value=limit, remedy=f"Give 1 to {MOST_MODELS}"
        )
    place = None if after is None else _read_cursor(after, _bound_to(filter, order))
    return Asked(filter, order, limit, place, unfolded)


def read_page(transaction: Transaction, asked: Asked, visible: Sequence[str] | None) -> ModelPage:
    """Return a page of models with its counts.

    Args:
        transaction: Where to read.
        asked: What is asked.
        visible: Only models of these names exist for the caller; all models when None.
    """
    values = {
        "visible": visible,
        **asked.filter.model_dump(exclude={"words"}),
        "words": asked.filter.words.split(),
    }
    rows = _page(transaction, asked, values)
    shown = rows[: asked.limit]
    everything = "count_all" if visible is None else "count_visible"
    (seen,) = transaction.execute(SQL[everything], values).fetchall()
    return ModelPage(
        models=tuple(map(_listed, shown)),
        next=_write_cursor(shown[-1], asked.bound_to) if len(rows) > len(shown) else None,
        **_counts(transaction, asked, values),
        all_models=seen["models"],
        all_versions=seen["versions"],
    )


def _page(transaction: Transaction, asked: Asked, values: Mapping[str, object]) -> list[Row]:
    statement = page_statement(
        asked.filter,
        asked.order,
        is_limited=values["visible"] is not None,
        is_first=asked.after is None,
    )
    after, key = asked.after or (None, None)
    paging = {"after": after, "after_key": key, "limit": asked.limit + 1}
    return transaction.execute(statement, {**values, **paging}).fetchall()


def _counts(transaction: Transaction, asked: Asked, values: Mapping[str, object]) -> dict[str, Any]:
    statement = counts_statement(asked.filter, is_limited=values["visible"] is not None)
    counting = {
        "unfolded": asked.unfolded,
        "few": FEW_VALUES,
        "many": MANY_VALUES,
        "counted": MOST_COUNTED + 1,
    }
    by_facet: dict[str | None, list[Row]] = {}
    for row in transaction.execute(statement, {**values, **counting}):
        by_facet.setdefault(row["facet"], []).append(row)
    (fit,) = by_facet.pop(None)
    facets = {facet: _facet(by_facet.get(facet, [])) for facet in ModelFacet}
    return {"facets": facets, "fitting": fit["number"]}


def _facet(rows: Sequence[Row]) -> ModelFacetCounts:
    values = tuple(FacetCount(value=row["value"], models=row["number"]) for row in rows)
    return ModelFacetCounts(values=values, more=rows[0]["different"] - len(rows) if rows else 0)


def _listed(row: Row) -> ListedModel:
    return ListedModel(**{name: value for name, value in row.items() if name not in _NOT_SHOWN})


def _bound_to(filter: ModelFilter, order: ModelOrder) -> str:
    return f"{order}\0{filter.model_dump_json()}"


def _write_cursor(row: Row, bound_to: str) -> str:
    body = json.dumps([row["place"].hex(), row["name_key"]], ensure_ascii=False).encode()
    return base64.urlsafe_b64encode(_seal(body, bound_to) + body).rstrip(b"=").decode()


def _read_cursor(cursor: str, bound_to: str) -> tuple[float, str]:
    try:
        sealed = base64.urlsafe_b64decode(cursor.encode("ascii") + b"=" * (-len(cursor) % 4))
    except (binascii.Error, UnicodeEncodeError):
        sealed = b""
    seal, body = sealed[:_SEAL], sealed[_SEAL:]
    if not body or seal != _seal(body, bound_to):
        raise InvalidInputError(
            "it is damaged, or belongs to another list",
            field="after",
            value=cursor,
            remedy="Begin with the first page, and follow its link to the next one",
        )
    place, key = json.loads(body)
    return float.fromhex(place), key


def _seal(body: bytes, bound_to: str) -> bytes:
    return hashlib.sha256(bound_to.encode() + b"\0" + body).digest()[:_SEAL]
