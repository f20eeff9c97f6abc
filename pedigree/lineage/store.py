"""Storage of lineage graphs."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, NamedTuple

from pedigree._record import Record, RecordPage
from pedigree.errors import InvalidInputError
from pedigree.lineage.records import (
    LineageGraph,
    LineageNode,
    NodeKind,
    TrainedOn,
)
from pedigree.postgres.pages import fetch_page
from pedigree.postgres.queries import load_queries
from pedigree.postgres.together import Question
from pedigree.postgres.transaction import Transaction

SQL = load_queries(__package__)


def lineage_rows(graph: LineageGraph) -> dict[str, list[dict[str, Any]]]:
    """Return the rows of the graph of a training that is registered now.

    Raises:
        InvalidInputError: A string of the graph cannot be stored, or a node is hidden.
    """
    for node in graph.nodes:
        _require_shown(node)
        _require_no_nul(node)
    certainties = graph.certainties()
    return {
        "nodes": [
            {**_columns(node), "certainty": certainties[node.node_id]} for node in graph.nodes
        ],
        "edges": [_columns(edge) for edge in graph.edges],
    }


def _require_shown(node: LineageNode) -> None:
    if node.kind is NodeKind.HIDDEN:
        raise InvalidInputError(
            "a hidden node says nothing about what was used",
            field="lineage",
            value=node.asset,
            remedy="Register the lineage that the training recorded, not one that was read back",
        )


def _require_no_nul(node: LineageNode) -> None:
    optional = (node.partition, node.run_id, node.data_version, node.code_version)
    for text in (node.asset, *optional, *(node.upstream or ())):
        if text is not None and "\0" in text:
            raise InvalidInputError(
                "has a NUL character, which Postgres cannot store in text",
                field="lineage",
                value=text,
                remedy="Name the asset, partition, run or version without it",
            )


def _columns(record: Record) -> dict[str, Any]:
    return {name: getattr(record, name) for name in type(record).model_fields}


def columns_of(kind: type[Record], records: Sequence[Record]) -> dict[str, list[object]]:
    """Return records as columns by field name, for a statement that unnests them."""
    return {name: [getattr(record, name) for record in records] for name in kind.model_fields}


def read_lineage(
    transaction: Transaction, name_key: str, version: int, *, newest: bool
) -> LineageGraph:
    """Return the lineage of a version's first or newest training."""
    asked = lineage_question(name_key, version, newest=newest)
    row = transaction.execute(asked.query, asked.params).fetchone()
    return LineageGraph.model_validate_json(row["graph"]) if row else LineageGraph()


def lineage_question(name_key: str, version: int, *, newest: bool) -> Question:
    """Return what :func:`read_lineage` asks."""
    return Question(SQL["graph"], {"name_key": name_key, "version": version, "newest": newest})


class Depending(NamedTuple):
    """A page of the versions that depend, or may depend, on some data."""

    versions: RecordPage[TrainedOn]
    without_lineage: int
    """How many further versions have a training without recorded lineage, on any page."""


def trained_on(
    transaction: Transaction,
    asset: str,
    partition: str | None,
    since: datetime | None,
    *,
    visible: Sequence[str] | None = None,
    limit: int | None = None,
    after: tuple[str, int] | None = None,
    counted: int | None = None,
) -> Depending:
    """Return the versions that depend on some data, directly or indirectly, by model and number.

    Versions for which it is not known are included, with the certainty UNKNOWN. Versions without
    recorded lineage are counted.

    Args:
        transaction: The transaction.
        asset: The asset key, parts joined by ``/``.
        partition: One partition; None for all.
        since: Only data that was recorded at or after this time.
        visible: Only versions of models of these names; of all models when None.
        limit: How many at most; all of them when None.
        after: The last version of the previous page: the key of its model's name, and its number.
        counted: How many versions without recorded lineage are counted at most; all when None.
    """
    after_name, after_version = after or (None, None)
    found = fetch_page(
        transaction,
        SQL["trained_on"],
        {
            "asset": asset,
            "partition": partition,
            "since": since,
            "visible": None if visible is None else list(visible),
            "limit": limit,
            "after_name": after_name,
            "after_version": after_version,
            "counted": counted,
        },
    )
    rows = [row for row in found.rows if row.pop("model_id") is not None]
    blank = found.rows[0]["without_lineage"]
    return Depending(
        RecordPage(
            (TrainedOn(**{name: row[name] for name in TrainedOn.model_fields}) for row in rows),
            is_cut=found.is_cut,
        ),
        int(blank),
    )
