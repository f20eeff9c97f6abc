"""The type of a connection inside ``Database.run``: one transaction, rows as dictionaries."""

from typing import Any, TypeAlias

from psycopg import Connection

Row: TypeAlias = dict[str, Any]
Transaction: TypeAlias = Connection[Row]
