"""Cards in blocks: many are drawn at one snapshot, and written by one statement."""

from collections.abc import Iterator, Sequence
from contextlib import suppress
from typing import Any, NamedTuple
from uuid import uuid4

from pydantic_core import to_json

from pedigree.artifacts.records import Digest, digest_of
from pedigree.audit.records import Actor, EventType, canonical_event
from pedigree.cards.drawing import render
from pedigree.cards.store import SQL, CardState, DrawnCard, state_of
from pedigree.catalog.names import name_key
from pedigree.errors import NotFoundError
from pedigree.postgres.transaction import Transaction, take_snapshot


class WantedCard(NamedTuple):
    """A version whose card must show an event of its model."""

    name: str
    version: int
    event_id: int

    @property
    def reference(self) -> str:
        """The version's reference."""
        return f"{self.name}/{self.version}"


def draw_cards(transaction: Transaction, wanted: Sequence[WantedCard]) -> list[DrawnCard]:
    """Draw those cards that do not show their events yet; a deleted version has none.

    All are drawn at one snapshot, so none shows half of a change.
    """
    take_snapshot(transaction)
    return list(_drawn(transaction, wanted))


def _drawn(transaction: Transaction, wanted: Sequence[WantedCard]) -> Iterator[DrawnCard]:
    for each, state in zip(wanted, _states(transaction, wanted), strict=True):
        if state is not None and not state.shows(each.event_id):
            with suppress(NotFoundError):
                yield render(transaction, each.name, each.version, None, state)


def _states(transaction: Transaction, wanted: Sequence[WantedCard]) -> list[CardState | None]:
    """Return the newest cards of versions; None for those of models that do not exist."""
    values = {
        "name_keys": [name_key(each.name) for each in wanted],
        "versions": [each.version for each in wanted],
    }
    rows = transaction.execute(SQL["card_states"], values)
    found = {row["place"]: row for row in rows}
    return [
        state_of(each.reference, found[place]) if place in found else None
        for place, each in enumerate(wanted, 1)
    ]


def contents_of(drawn: Sequence[DrawnCard]) -> dict[Digest, bytes]:
    """Return the bytes of the cards whose text or notes have changed."""
    texts = [each.markdown.encode() for each in drawn if not each.is_unchanged]
    return {digest_of(text): text for text in texts}


def insert_cards(
    transaction: Transaction, drawn: Sequence[DrawnCard], actor: Actor
) -> list[DrawnCard]:
    """Insert drawn cards as the newest ones of their versions, with their events.

    Of a card whose text is unchanged, only what it shows is recorded. A version that was deleted
    since gets none.

    Returns:
        The cards that another process overtook.
    """
    unchanged = [each for each in drawn if each.is_unchanged]
    if unchanged:
        transaction.execute(SQL["note_events"], {"cards": _json(map(_shown, unchanged))})
    changed = [each for each in drawn if not each.is_unchanged]
    if not changed:
        return []
    values = {"cards": _json(_document(each, actor) for each in changed)}
    row = transaction.execute(SQL["add_cards"], values).fetchone()
    places: list[int] = row["overtaken"] if row else []
    return [changed[place - 1] for place in places]


def _json(values: Iterator[dict[str, Any]]) -> str:
    return to_json(list(values)).decode()


def _shown(drawn: DrawnCard) -> dict[str, Any]:
    return {
        "name_key": name_key(drawn.version.model_name),
        "version": drawn.version.version_id,
        "revision": drawn.state.revision,
        "newest_event": drawn.state.newest_event,
    }


def _document(drawn: DrawnCard, actor: Actor) -> dict[str, Any]:
    card, hole = drawn.card, uuid4().hex
    event_id, kind = str(uuid4()), EventType.VERSION_UPDATED
    canonical = canonical_event(
        kind,
        {
            "event_id": event_id,
            "type": kind.value,
            "model": drawn.version.model_name,
            "version": drawn.version.version_id,
            "at": hole,
            "actor": actor.model_dump(),
            "body": {"model_card": card.digest},
        },
    )
    return {
        **_shown(drawn),
        "revision": card.revision,
        "digest": card.digest,
        "markdown": card.markdown,
        "notes": drawn.notes.model_dump(mode="json", exclude_defaults=True),
        "hole": hole,
        "event": {"event_id": event_id, "type": kind.value, "canonical": canonical.decode()},
    }
