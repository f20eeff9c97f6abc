"""What an import carried last of each model and version."""

from typing import Any, NamedTuple

from pydantic_core import to_json

from pedigree.postgres.database import Database
from pedigree.postgres.queries import load_queries

SQL = load_queries(__package__)

Carried = dict[str, Any]
"""The parts of a model or a version, as they were at the origin when they were carried."""

_MODEL = 0


class ModelMarks(NamedTuple):
    """What was carried last of a model."""

    model: Carried | None
    """None: nothing of it."""
    versions: dict[int, Carried]


class Marks:
    """The marks of one origin.

    Args:
        database: The registry's database.
        origin: The address of the origin.
    """

    def __init__(self, database: Database, origin: str) -> None:
        self._database = database
        self.origin = origin

    def of_model(self, model: str) -> ModelMarks:
        """Return what was carried last of a model, by its name at the origin."""
        asked = {"origin": self.origin, "model": model}
        rows = self._database.fetch_all(SQL["marks_of_model"], asked)
        found = {row["version"]: row["carried"] for row in rows}
        return ModelMarks(found.pop(_MODEL, None), found)

    def set(self, model: str, version: int | None, carried: Carried) -> None:
        """Note what was carried of a model, or of one of its versions."""
        values = {
            "origin": self.origin,
            "model": model,
            "version": _MODEL if version is None else version,
            "carried": to_json(carried).decode(),
        }
        self._database.transaction(lambda transaction: transaction.execute(SQL["set_mark"], values))
