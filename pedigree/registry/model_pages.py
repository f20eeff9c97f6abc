"""Further reads of the page of a model."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import NamedTuple

from pedigree.access.records import Permission
from pedigree.catalog.names import name_key, validate_name
from pedigree.lifecycle.store import SQL
from pedigree.postgres.transaction import Transaction
from pedigree.registry.context import ContextGroup


class CheckCounts(NamedTuple):
    """The newest verdicts of the checks on a version."""

    passed: int
    warned: int
    failed: int


class GoneModel(NamedTuple):
    """A model that was deleted.

    Attributes:
        name: Its name.
        deleted_at: When it was deleted.
        versions: How many versions would be restored with it, because their bytes still exist.
    """

    name: str
    deleted_at: datetime
    versions: int


class ModelPageOperations(ContextGroup):
    """Further reads of the page of a model."""

    def check_counts(self, name: str, numbers: Sequence[int]) -> Mapping[int, CheckCounts]:
        """Return how the checks on versions of a model ended; without those that have none.

        Raises:
            NotPermittedError: The principal may not read the model.
        """
        self._context.require(Permission.READ, name)
        values = {"name_key": name_key(name), "versions": list(numbers)}

        def read(transaction: Transaction) -> Mapping[int, CheckCounts]:
            rows = transaction.execute(SQL["check_counts"], values).fetchall()
            return {
                row["version"]: CheckCounts(row["passed"], row["warned"], row["failed"])
                for row in rows
            }

        return self._context.database.read(read)

    def gone(self, name: str) -> GoneModel | None:
        """Return what is known of a deleted model; None if there is none of that name.

        Raises:
            NotPermittedError: The principal may not read the model.
            InvalidInputError: No model can have the name.
        """
        self._context.require(Permission.READ, name)
        values = {"name_key": name_key(validate_name(name))}

        def read(transaction: Transaction) -> GoneModel | None:
            row = transaction.execute(SQL["deleted_model"], values).fetchone()
            if row is None or row["name"] != name:
                return None
            return GoneModel(row["name"], row["deleted_at"], row["versions"])

        return self._context.database.read(read)
