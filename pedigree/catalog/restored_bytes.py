"""The event of bytes that the store had lost and got again."""

from datetime import datetime

from pydantic import JsonValue

from pedigree.artifacts.lost_bytes import RecordRestored
from pedigree.artifacts.store import StoredBlob
from pedigree.audit import log
from pedigree.audit.event_types import EventType
from pedigree.audit.records import Actor
from pedigree.postgres.transaction import Transaction


def restored_by(actor: Actor) -> RecordRestored:
    """Return a function that writes the event of restored bytes.

    Args:
        actor: The actor who has the bytes.
    """

    def record(transaction: Transaction, stored: StoredBlob, at: datetime) -> None:
        blob = stored.blob
        body: dict[str, JsonValue] = {"digest": blob.digest, "key": stored.key, "bytes": blob.size}
        log.record(transaction, EventType.BLOB_RESTORED, body, at=at, actor=actor)

    return record
