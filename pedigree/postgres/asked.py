"""A database for one asker, over the connections of another."""

from collections.abc import Callable
from dataclasses import replace
from typing import TypeVar

from pedigree.postgres._asking_connection import AskingConnection
from pedigree.postgres.asker import Asker, DatabaseRole
from pedigree.postgres.database import Database
from pedigree.postgres.nested import NestedDatabase
from pedigree.postgres.roles import may_act_as

Result = TypeVar("Result")


class AskedDatabase(Database):
    """A database whose transactions and reads name an asker.

    Args:
        outer: The database whose connections it uses.
        asker: Who asks.
    """

    def __init__(self, outer: Database, asker: Asker) -> None:
        super().__init__(outer.source, connections=0, asker=asker)
        self._outer = outer
        self._search_places = outer._search_places

    @property
    def connected(self) -> Database:
        """The database that has the connections."""
        return self._outer

    def retry_for(self, asker: Asker, action: Callable[[AskingConnection], Result]) -> Result:
        """Run an action for an asker on a connection of the outer database."""
        return self._outer.retry_for(asker, action)

    def close(self) -> None:
        """Do nothing: the connections belong to the outer database."""


def asked_by(database: Database, asker: Asker) -> Database:
    """Return a database for an asker, in the same role of the database.

    Within a transaction, the asker is already set.
    """
    if isinstance(database, NestedDatabase):
        return database
    role = asker.role or database.asker.role
    return AskedDatabase(database.connected, replace(asker, role=role))


def in_role(database: Database, role: DatabaseRole) -> Database:
    """Return a database that acts in a role of its own, if the connections' role is a member of it.

    With a single role for all, which owns the tables, that role acts.

    Raises:
        DatabaseUnavailableError: The server does not answer.
    """
    if not may_act_as(database, role):
        return database
    if isinstance(database, NestedDatabase):
        return database.in_role(role)
    return AskedDatabase(database.connected, replace(database.asker, role=role))
