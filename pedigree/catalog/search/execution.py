"""Execute the statements of a search: with planner settings, in one round trip, within its time."""

import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

from psycopg import errors, sql

from pedigree.catalog.search.ast import Expression
from pedigree.catalog.search.fuzzy_words import SQL
from pedigree.catalog.search.parameters import Parameters
from pedigree.postgres.pages import FetchedPage, fetch_page
from pedigree.postgres.transaction import Row, Transaction

if TYPE_CHECKING:
    from pedigree.catalog.search.selectivity import Driver


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


class TimeIsUpError(Exception):
    """A statement did not end in the time that it had."""


class Execution:
    """Executes the statements of one search.

    Args:
        transaction: The connection.
        seconds: How long the search may take.
    """

    def __init__(self, transaction: Transaction, seconds: float) -> None:
        self.transaction = transaction
        self.seconds = seconds
        self._deadline = time.monotonic() + seconds
        self.drivers: dict[Expression | None, Driver | None] = {}
        """What drives each filter that was looked at, since the page and its counts need it."""

    def ask(
        self,
        statement: sql.Composable,
        parameters: Parameters,
        plan: SearchPlan = NESTED,
        *,
        within: float | None = None,
    ) -> list[Row]:
        """Return the rows of a statement.

        Outside a transaction, the settings apply to this statement only: the messages between two
        syncs of the protocol are one transaction.

        Raises:
            TimeIsUpError: It takes longer than the rest of the search's time, or than ``within``.
        """
        left = self._deadline - time.monotonic()
        limit = left if within is None else min(left, within)
        if limit <= 0:
            raise TimeIsUpError
        settings = {name: "on" if value else "off" for name, value in plan._asdict().items()}
        settings["replan"] = "force_custom_plan" if plan.replan else "auto"
        settings["limit"] = str(max(2, int(1000 * limit)))
        settings["wait"] = str(max(1, int(500 * limit)))
        started = time.monotonic()
        try:
            with self.transaction.pipeline():
                self.transaction.execute(SQL["settings"], settings)
                rows = self.transaction.execute(sql.Composed([statement]), parameters)
        except errors.QueryCanceled as error:
            if time.monotonic() - started < limit:
                raise  # somebody else canceled it
            raise TimeIsUpError from error
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
