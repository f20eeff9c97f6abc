"""Record downloads of a version's bytes from the service."""

from pedigree.audit.records import Actor, EventType
from pedigree.catalog.store import lock_model
from pedigree.postgres.transaction import Transaction


def tell_of_download(transaction: Transaction, name: str, version: int, actor: Actor) -> None:
    """Write the event that a download of a version started."""
    # Under the model's lock, so that the feed keeps the order of the model's events.
    model = lock_model(transaction, name)
    model.record(EventType.VERSION_DOWNLOADED, {}, version=version, actor=actor)
