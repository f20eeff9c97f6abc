"""Read a page of the list of models, and its counts."""

import base64
import binascii
import hashlib
import json
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from pedigree.catalog.overview.kept_counts import KeptCounts
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
from pedigree.postgres.together import Question, ask_together
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
    def counted(self) -> tuple[ModelFilter, ModelFacet | None]:
        """What its counts depend on, for somebody who may read all models."""
        return self.filter, self.unfolded

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


def read_page(
    transaction: Transaction, asked: Asked, visible: Sequence[str] | None, kept: KeptCounts
) -> ModelPage:
    """Return a page of models with its counts.

    Args:
        transaction: Where to read.
        asked: What is asked.
        visible: Only models of these names exist for the caller; all models when None.
        kept: The counts that this process keeps of all models.
    """
    values = {
        "visible": visible,
        **asked.filter.model_dump(exclude={"words"}),
        "words": asked.filter.words.split(),
    }
    if visible is not None:
        rows = _execute(transaction, _page_question(asked, values))
        (seen,) = _execute(transaction, Question(SQL["count_visible"], values))
        counts = {**_counts(transaction, asked, values), "all_models": seen["models"]}
        return _page(asked, rows, {**counts, "all_versions": seen["versions"]})
    found = kept.get(asked.counted)
    of_page = _page_question(asked, values)
    of_all = Question(SQL["seen_of_all"], {"snapshot": found and found.snapshot})
    transaction = ask_together(transaction, [of_page, of_all])
    rows = _execute(transaction, of_page)
    (seen,) = _execute(transaction, of_all)
    if found is not None and seen["holds"]:
        counts = found.counts
    else:
        counts = _counts(transaction, asked, values)
        kept.keep(asked.counted, counts, counts.pop("snapshot"))
    return _page(asked, rows, {**counts, "all_versions": seen["versions"]})


def _page(asked: Asked, rows: Sequence[Row], counts: Mapping[str, Any]) -> ModelPage:
    shown = rows[: asked.limit]
    return ModelPage(
        models=tuple(map(_listed, shown)),
        next=_write_cursor(shown[-1], asked.bound_to) if len(rows) > len(shown) else None,
        **{name: value for name, value in counts.items() if name != "snapshot"},
    )


def _execute(transaction: Transaction, question: Question) -> list[Row]:
    return transaction.execute(question.query, question.params).fetchall()


def _page_question(asked: Asked, values: Mapping[str, object]) -> Question:
    statement = page_statement(
        asked.filter,
        asked.order,
        is_limited=values["visible"] is not None,
        is_first=asked.after is None,
    )
    after, key = asked.after or (None, None)
    paging = {"after": after, "after_key": key, "limit": asked.limit + 1}
    return Question(statement, {**values, **paging})


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
    return {
        "facets": {facet: _facet(by_facet.get(facet, [])) for facet in ModelFacet},
        "fitting": fit["number"],
        "all_models": fit["models"],
        "snapshot": fit["snapshot"],
    }


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
