"""Execute one statement of a search with its planner settings, in one round trip."""

from collections.abc import Sequence
from typing import NamedTuple

from psycopg import sql

from pedigree.catalog.search.fuzzy_words import SQL
from pedigree.postgres.pages import FetchedPage, fetch_page
from pedigree.postgres.transaction import Row, Transaction


class SearchPlan(NamedTuple):
    """The joins that the planner may use; each search statement is written for some of them."""

    nested: bool = False
    merged: bool = False
    hashed: bool = False
    scanned: bool = False
    replan: bool = False
    """Whether the plan depends on the values: planning then takes some 0.8 ms each time."""


NESTED = SearchPlan(nested=True)
NESTED_REPLAN = SearchPlan(nested=True, replan=True)
MERGED = SearchPlan(merged=True)
ANY = SearchPlan(nested=True, merged=True, hashed=True, scanned=True, replan=True)


def ask(
    transaction: Transaction,
    statement: sql.Composable,
    parameters: dict[str, object],
    plan: SearchPlan = NESTED,
) -> list[Row]:
    """Return the rows of a statement.

    Outside a transaction, the settings apply to this statement only: the messages between two syncs
    of the protocol are one transaction.
    """
    settings = {name: "on" if value else "off" for name, value in plan._asdict().items()}
    settings["replan"] = "force_custom_plan" if plan.replan else "auto"
    with transaction.pipeline():
        transaction.execute(SQL["settings"], settings)
        rows = transaction.execute(sql.Composed([statement]), parameters)
    return rows.fetchall()


def read_records(transaction: Transaction, found: Sequence[Row]) -> FetchedPage:
    """Return the records of found versions, in their order, as a page that is bounded in bytes.

    The column `place` of a row is the place of its version among those that were found.
    """
    return fetch_page(
        transaction,
        SQL["records"],
        {
            "model_ids": [row["model_id"] for row in found],
            "versions": [row["version"] for row in found],
        },
    )
