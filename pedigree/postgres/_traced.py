"""A cursor that adds a span for each statement to the current trace; used if tracing is on."""

from typing import Any, Self

from psycopg.abc import Params, QueryNoTemplate

from pedigree import tracing
from pedigree.postgres._asking_connection import AskingCursor
from pedigree.postgres.queries import name_of


class TracedCursor(AskingCursor):
    """A cursor with a span for each statement, which has the query's name but no values."""

    def execute(  # type: ignore[override] # nothing here is a template
        self, query: QueryNoTemplate, params: Params | None = None, **options: Any
    ) -> Self:
        """Execute a statement."""
        with tracing.part_of_request(name_of(query), "postgresql"):
            return super().execute(query, params, **options)
