"""A follower of the feed that draws the cards of the versions that events concern."""

import logging
import uuid
from collections.abc import Iterator, Mapping, Sequence
from datetime import timedelta
from functools import partial
from typing import Any, NamedTuple

from pedigree.artifacts.objects import ObjectStore
from pedigree.audit import log
from pedigree.audit.event_types import EventType
from pedigree.audit.records import stored_body
from pedigree.cards.drawing import WantedCard
from pedigree.cards.store import SQL
from pedigree.cards.writer import CardWriter
from pedigree.catalog.names import name_key
from pedigree.errors import StoreUnavailableError
from pedigree.failures.member_loop import MemberLoop
from pedigree.failures.outages import store_probe
from pedigree.failures.records import BackgroundWork
from pedigree.postgres.database import Database
from pedigree.postgres.transaction import Row, Transaction

_LOG = logging.getLogger(__name__)

_EVENTS = 500
# Of one round, so that the other work of the process goes on.
_CARDS = 200
_PAGES = 20
# Of one transaction: it holds the locks of their models while it commits.
_BLOCK = 50
# Longer than a round. A killed process delays the others for this time.
_LEASE = timedelta(minutes=1)

# Events that change no card.
_SILENT = {
    EventType.MODEL_CREATED,
    EventType.MODEL_DELETED,
    EventType.MODEL_CHECK_UNATTRIBUTED,
    EventType.VERSION_DOWNLOADED,
    EventType.MEMBER_FAILED,
    EventType.MEMBER_RECOVERED,
}


class _Place(NamedTuple):
    """How far cards are drawn: all events up to ``seq``, and versions of the next event."""

    seq: int
    version: int = 0


class _Step(NamedTuple):
    """A step through the feed: how far it leads, and a card that it makes stale, if any."""

    place: _Place
    card: WantedCard | None = None


class _CardBlock(NamedTuple):
    """Cards that are drawn together, and how far they lead."""

    place: _Place
    cards: Sequence[WantedCard]


class _FeedEvent(NamedTuple):
    seq: int
    event_id: int
    type: str
    model: str | None
    version: int | None
    body: Mapping[str, Any]

    @classmethod
    def from_row(cls, row: Row) -> "_FeedEvent":
        return cls(body=stored_body(row.pop("canonical")), **row)

    @property
    def versions(self) -> frozenset[int] | None:
        """The versions that the event concerns; None for all versions of the model."""
        if self.model is None or self.type in _SILENT or self.body.keys() == {"model_card"}:
            return frozenset()
        if self.version is None and self.type is not EventType.MODEL_UPDATED:
            return None
        named = {self.version, self.body.get("previous_version"), *self.body.get("voided", ())}
        return frozenset(named - {None})


class CardFollower:
    """Brings the cards in Postgres and in the object store up to date with the feed.

    One process at a time holds the lease. The place in the feed moves after the cards are stored,
    so a killed process loses nothing: the next one reads the same events again, and skips cards
    that already show them.
    """

    def __init__(self, database: Database, store: ObjectStore) -> None:
        self._database = database
        self._writer = CardWriter(database, store)
        self._is_outage = store_probe(database, store)
        self.is_behind = False
        """Whether the last round ended at its bound: there may be further cards to draw."""

    def follow(self, *, most: int = _CARDS) -> int:
        """Draw the cards that the next events have made stale.

        While the store does not answer, the remaining cards wait for the next round. A card that
        cannot be drawn for another reason is noted as a failure, and drawn when it is read.

        Args:
            most: How many cards at most.

        Returns:
            The number of drawn cards.

        Raises:
            DatabaseUnavailableError: The database does not answer.
        """
        self.is_behind = False
        if self._database.fetch_all(SQL["anything_to_draw"]) == [{"waiting": False}]:
            return 0
        log.sequence(self._database)
        lease = {"lease": str(uuid.uuid4()), "length": _LEASE}
        place = self._database.transaction(lambda tx: _lease(tx, lease))
        if place is None:
            return 0
        drawn, loop = 0, MemberLoop(self._database, BackgroundWork.CARDS, is_outage=self._is_outage)
        steps = self._steps(place, loop)
        try:
            while block := _next_block(steps, min(_BLOCK, most - drawn)):
                drawn += self._draw(block.cards, loop)
                place = block.place
                if drawn >= most:
                    self.is_behind = True
                    break
        except StoreUnavailableError as error:
            _LOG.warning("model cards wait: %s", error, extra={"action": "card.postponed"})
        settled = {**lease, **place._asdict()}
        self._database.transaction(lambda tx: tx.execute(SQL["settle_follower"], settled))
        return drawn

    def _steps(self, place: _Place, loop: MemberLoop) -> Iterator[_Step]:
        """Yield the stale cards of one event after another; an event that fails stops no other."""
        for row in self._events(place.seq):
            seq, name = row["seq"], f"event {row['seq']}"
            event = loop.attempt(name, partial(_FeedEvent.from_row, row), model=row["model"]).value
            drawn_up_to = place.version if seq == place.seq + 1 else 0
            if event is not None:
                for version in self._versions(event, drawn_up_to):
                    card = WantedCard(event.model or "", version, event.event_id)
                    yield _Step(_Place(seq - 1, version), card)
            yield _Step(_Place(seq))

    def _events(self, after: int) -> Iterator[Row]:
        for _ in range(_PAGES):
            values = {"seq": after, "limit": _EVENTS}
            rows = self._database.fetch_all(SQL["events_to_draw"], values)
            yield from rows
            if len(rows) < _EVENTS:
                return
            after = rows[-1]["seq"]
        self.is_behind = True

    def _versions(self, event: _FeedEvent, after: int) -> Iterator[int]:
        if event.versions is not None:
            yield from (version for version in sorted(event.versions) if version > after)
            return
        while True:
            key = {"name_key": name_key(event.model or ""), "after": after, "limit": _EVENTS}
            rows = self._database.fetch_all(SQL["versions_to_draw"], key)
            for row in rows:
                yield row["version"]
            if len(rows) < _EVENTS:
                return
            after = rows[-1]["version"]

    def _draw(self, cards: Sequence[WantedCard], loop: MemberLoop) -> int:
        """Draw cards together; if one fails, each alone. Return how many were drawn."""
        drawn = loop.attempt_batch(
            cards,
            self._writer.follow,
            name=lambda card: card.reference,
            model=lambda card: card.name,
            has_changed=True,
        )
        return sum(drawn)


def _next_block(steps: Iterator[_Step], most: int) -> _CardBlock | None:
    """Take the next steps, until they have made a number of cards stale; None after the last."""
    cards: dict[str, WantedCard] = {}
    place = None
    for step in steps:
        place = step.place
        if step.card is not None:
            cards[step.card.reference] = step.card  # the later event
        if len(cards) == most:
            break
    return None if place is None else _CardBlock(place, tuple(cards.values()))


def _lease(transaction: Transaction, lease: Mapping[str, object]) -> _Place | None:
    row = transaction.execute(SQL["lease_follower"], lease).fetchone()
    return None if row is None else _Place(**row)
