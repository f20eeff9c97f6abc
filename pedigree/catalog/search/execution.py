"""Execute one statement of a search with its planner settings, in one round trip."""

from typing import NamedTuple

from psycopg import sql

from pedigree.catalog.search.fuzzy_words import SQL
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

# One row at a time and with a limit, so that no setting turns it into a scan of all records.
_WITH_RECORDS = sql.SQL(
    "SELECT found.*, shown.record, shown.signature, shown.verification,"
    " (SELECT m.generation FROM pedigree.registered_model m WHERE m.model_id = found.model_id)"
    " AS generation"
    " FROM (SELECT row_number() OVER () AS place, page.* FROM ({}) AS page) AS found"
    " CROSS JOIN LATERAL (SELECT r.record::text, r.signature, r.verification::text"
    " FROM pedigree.search_record r"
    " WHERE r.model_id = found.model_id AND r.version = found.version LIMIT 1) AS shown"
    " ORDER BY found.place"
)


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


def with_records(statement: sql.Composable) -> sql.Composed:
    """Return a page's statement whose rows also have the records of their versions."""
    return _WITH_RECORDS.format(statement)
