"""Count the statements that this thread sends, by the names of their queries."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, LiteralString

import psycopg
import pytest

from pedigree.postgres._asking_connection import AskingConnection
from pedigree.postgres.queries import name_of


@contextmanager
def sent_statements() -> Iterator[list[str]]:
    """Yield a list to which each statement of this thread in the block is added.

    A service of another test may run in this process, in other threads.
    """
    sent: list[str] = []
    own, execute = threading.get_ident(), psycopg.Connection.execute

    def counted(self: Any, query: Any, *arguments: Any, **more: Any) -> Any:
        if threading.get_ident() == own:
            sent.append(name_of(query))
        return execute(self, query, *arguments, **more)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(psycopg.Connection, "execute", counted)
        yield sent


@contextmanager
def begun_transactions() -> Iterator[list[str]]:
    """Yield a list of the commands by which this thread begins transactions in the block."""
    begun: list[str] = []
    own, begin = threading.get_ident(), AskingConnection.begin

    def noted(self: AskingConnection, command: LiteralString) -> None:
        if threading.get_ident() == own:
            begun.append(command)
        begin(self, command)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(AskingConnection, "begin", noted)
        yield begun
