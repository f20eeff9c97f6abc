"""What pages ask of the database: each round trip, by the names of its queries."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import psycopg
import pytest

from pedigree.postgres._asking_connection import AskingConnection
from pedigree.postgres.queries import name_of

# What says who they are, and how they are named: it is known for a second, and asked for again.
_OF_VISITORS = frozenset({"pseudonyms_of", "known_pseudonyms", "names_of", "has_tokens"})
# Events get their places from what reads first: a page, or the stream of changes meanwhile.
_OF_LOG = frozenset({"anything_unsequenced", "may_act_as", "sequence_events"})
_OF_PAGES = "AnyIO"
OF_BAR = "requests_to_decide"


@contextmanager
def round_trips() -> Iterator[list[tuple[str, ...]]]:
    """Yield a list to which each round trip of a page of this process is added."""
    found: list[tuple[str, ...]] = []

    def note(*names: str) -> None:
        is_of_page = threading.current_thread().name.startswith(_OF_PAGES)
        if is_of_page and not (_OF_VISITORS | _OF_LOG).issuperset(names):
            found.append(names)

    execute, together = psycopg.Connection.execute, AskingConnection.fetch_together
    stream = psycopg.Cursor.stream

    def executed(self: Any, query: Any, *given: Any, **more: Any) -> Any:
        if query:  # else it ends the reading of rows one by one
            note(name_of(query))
        return execute(self, query, *given, **more)

    def asked(self: Any, questions: Any, *given: Any) -> Any:
        note(*(name_of(each.query) for each in questions))
        return together(self, questions, *given)

    def streamed(self: Any, query: Any, *given: Any, **more: Any) -> Any:
        note(name_of(query))
        return stream(self, query, *given, **more)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(psycopg.Connection, "execute", executed)
        patch.setattr(AskingConnection, "fetch_together", asked)
        patch.setattr(psycopg.Cursor, "stream", streamed)
        yield found
