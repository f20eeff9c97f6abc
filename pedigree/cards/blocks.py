"""Cards in blocks: one statement writes many of them."""

from collections.abc import Iterator, Sequence
from typing import Any
from uuid import uuid4

from pydantic_core import to_json

from pedigree.artifacts.records import Digest, digest_of
from pedigree.audit.event_types import EventType
from pedigree.audit.records import Actor, canonical_event
from pedigree.cards.store import SQL, DrawnCard
from pedigree.catalog.names import name_key
from pedigree.postgres.transaction import Transaction


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
    values = {
        "cards": _json(_document(each, actor) for each in changed),
        "actor": actor.name,
        "actor_source": actor.source,
    }
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
