"""A cursor whose statements are spans of the request that needs them; used where traces are on."""

from typing import Any, Self

from psycopg import Cursor
from psycopg.abc import Params, QueryNoTemplate
from psycopg.rows import DictRow

from pedigree import tracing
from pedigree.postgres.queries import name_of


class TracedCursor(Cursor[DictRow]):
    """Names each statement in a span, and tells none of its values."""

    def execute(  # type: ignore[override] # nothing here is a template
        self, query: QueryNoTemplate, params: Params | None = None, **options: Any
    ) -> Self:
        """Execute a statement."""
        with tracing.part_of_request(name_of(query), "postgresql"):
            return super().execute(query, params, **options)
