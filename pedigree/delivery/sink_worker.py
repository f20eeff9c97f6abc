"""Feed sinks: each gets the whole feed in order, from one process at a time."""

import threading
import time
import uuid
from collections.abc import Iterable, Mapping
from datetime import timedelta
from functools import partial
from typing import Self

from pedigree.access.named_records import with_names
from pedigree.access.pseudonyms import Names
from pedigree.audit import log
from pedigree.delivery.background_thread import is_over
from pedigree.delivery.sinks import Sink, open_sink, sink_name
from pedigree.delivery.webhooks import SQL
from pedigree.failures.member_loop import MemberLoop
from pedigree.failures.records import BackgroundWork
from pedigree.postgres.database import Database
from pedigree.postgres.transaction import Transaction
from pedigree.settings import Settings

_PAGE = 500
# Longer than a sink may take for a page.
_LEASE = timedelta(minutes=1)
_POLL_S = 0.5


class SinkWorker:
    """Feeds the sinks of the settings; one that cannot be opened or fed stops no other.

    Args:
        database: The registry's database.
        settings: The settings with the sinks.
    """

    def __init__(self, database: Database, settings: Settings) -> None:
        self._database = database
        self._names = Names(database)
        self._urls = {sink_name(url): url for url in settings.sinks}
        self._sinks: dict[str, Sink] = {}

    def run(self, *, seconds: float | None = None, stop: threading.Event | None = None) -> int:
        """Feed until the end of the feed, or until a limit.

        Args:
            seconds: Send nothing more after this time.
            stop: Wait for more until it is set, instead of ending when there is nothing.

        Returns:
            The number of sent events.
        """
        deadline = None if seconds is None else time.monotonic() + seconds
        sent = 0
        for name in self._urls:
            self._database.transaction(partial(_note, name=name))
        while not is_over(deadline, stop):
            log.sequence(self._database)
            loop = MemberLoop(self._database, BackgroundWork.SINKS)
            fed = [loop.attempt(name, partial(self._feed, name)) for name in self._urls]
            now = sum(each.value or 0 for each in fed)
            sent += now
            if now:
                continue
            if stop is None:
                break
            stop.wait(_POLL_S)
        return sent

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        """Close the sinks."""
        for sink in self._sinks.values():
            sink.close()

    def _feed(self, name: str) -> int:
        """Send a page to a sink, unless another worker does, and return the number of events."""
        if name not in self._sinks:
            self._sinks[name] = open_sink(self._urls[name])
        held = {"name": name, "lease": str(uuid.uuid4()), "length": _LEASE}
        reached = self._database.transaction(partial(_lease, held=held))
        if reached is None:
            return 0
        try:
            page = self._database.read(partial(log.read, after=reached, limit=_PAGE))
            self._sinks[name].send(with_names(page, self._names))
            reached = page[-1].seq
        finally:
            values = {**held, "seq": reached}
            self._database.transaction(partial(_settle, values=values))
        return len(page)


def has_undelivered(transaction: Transaction, urls: Iterable[str]) -> bool:
    """Return whether there are events that one of some sinks has not received."""
    names = [sink_name(url) for url in urls]
    row = transaction.execute(SQL["has_undelivered"], {"names": names}).fetchone()
    return row == {"undelivered": True}


def _note(transaction: Transaction, name: str) -> None:
    transaction.execute(SQL["note_sink"], {"name": name})


def _lease(transaction: Transaction, held: Mapping[str, object]) -> int | None:
    row = transaction.execute(SQL["lease_sink"], held).fetchone()
    return None if row is None else int(row["seq"])


def _settle(transaction: Transaction, values: Mapping[str, object]) -> None:
    transaction.execute(SQL["settle_sink"], values)
