"""The values of one statement."""

from psycopg import sql


class Parameters(dict[str, object]):
    """The values of one statement, by the names of their placeholders."""

    def add(self, value: object) -> sql.Composable:
        """Add a value, and return its placeholder."""
        name = f"p{len(self)}"
        self[name] = value
        return sql.Placeholder(name)
