"""A page of the versions that a search of the MLflow protocol finds."""

from collections.abc import Collection, Sequence

from pedigree.catalog.mlflow_search.asked import AskedPage
from pedigree.catalog.mlflow_search.finding import find
from pedigree.catalog.mlflow_search.records import FoundVersion, PageOfFound
from pedigree.catalog.search.execution import Execution, TimeIsUpError
from pedigree.postgres.pages import fetch_page
from pedigree.postgres.queries import load_queries
from pedigree.postgres.transaction import Row, Transaction

SQL = load_queries(__package__)

MOST_VERSIONS = 10_000
"""The versions of a page, whatever was asked for: a token leads to the next ones."""


def search_versions(
    transaction: Transaction, asked: AskedPage, visible: Sequence[str] | None, *, seconds: float
) -> PageOfFound[FoundVersion]:
    """Return a page of the living versions that a filter finds.

    Args:
        transaction: Where to read.
        asked: The search.
        visible: Only models of these names exist for the caller; all models when None.
        seconds: How long it may take.

    Raises:
        SearchTooBroadError: It takes longer than it may.
    """
    asked = asked._replace(limit=min(asked.limit, MOST_VERSIONS))
    try:
        found = find(Execution(transaction, seconds), asked, visible).rows
    except TimeIsUpError as error:
        raise asked.too_broad(seconds) from error
    keys = [(row["model_id"], row["version"]) for row in found[: asked.limit]]
    shown = fetch_page(transaction, SQL["found_versions"], _values(keys))
    items = tuple(map(_version, shown.rows))
    return PageOfFound(items=items, next_token=asked.next_token(found, shown))


def read_versions(
    transaction: Transaction, keys: Sequence[tuple[int, int]]
) -> tuple[FoundVersion, ...]:
    """Return living versions by model and number, in the given order."""
    rows = transaction.execute(SQL["found_versions"], _values(keys)).fetchall()
    return tuple(map(_version, rows))


def read_policies(transaction: Transaction, model_ids: Collection[int]) -> dict[int, str]:
    """Return the policies of some models as JSON text, of those that have one."""
    rows = transaction.execute(SQL["policies"], {"model_ids": list(model_ids)}).fetchall()
    return {row["model_id"]: row["policy"] for row in rows}


def _values(keys: Sequence[tuple[int, int]]) -> dict[str, list[int]]:
    return {
        "model_ids": [model_id for model_id, _ in keys],
        "versions": [version for _, version in keys],
    }


def _version(row: Row) -> FoundVersion:
    return FoundVersion(**{name: value for name, value in row.items() if name != "place"})
