"""Which keys sign the log, and when: rows with their events, so that the log itself proves it."""

from collections.abc import Collection, Iterable
from datetime import datetime, timedelta

from pedigree.audit import log
from pedigree.audit.event_types import EventType
from pedigree.audit.log_keys import LocalSigner, SecretStorage
from pedigree.audit.log_records import KnownLogKey
from pedigree.audit.records import Actor
from pedigree.audit.verifier.hashes import UnverifiedLogError
from pedigree.audit.verifier.notes import LogKey
from pedigree.errors import InvalidInputError, LogKeyError
from pedigree.postgres.queries import load_queries
from pedigree.postgres.transaction import Transaction

_SQL = load_queries(__package__)


def leads(transaction: Transaction) -> bool:
    """Become the only sealer until the transaction ends; False if another process is."""
    return transaction.execute(_SQL["lead_sealer"]).fetchone() == {"leads": True}


def origin(transaction: Transaction) -> str:
    """Return the name of the log, which never changes: it is also the name of its keys."""
    row = transaction.execute(_SQL["log_state"]).fetchone() or {}
    return origin_of(row["registry_id"])


def origin_of(registry_id: object) -> str:
    """Return the name of the log of a registry."""
    return f"pedigree/{registry_id}"


def follow(transaction: Transaction, signing: Collection[bytes], actor: Actor) -> None:
    """Note that these public keys sign from now on, and no others.

    Raises:
        LogKeyError: One of them was retired before.
    """
    state = transaction.execute(_SQL["log_state"]).fetchone() or {}
    known = {bytes(key) for key in state["keys"]}
    name = origin_of(state["registry_id"])
    for public in sorted(set(signing) - known):
        add(transaction, LogKey(name, public), actor)
    for public in sorted(known - set(signing)):
        retire(transaction, LogKey(name, public), actor)


def add(
    transaction: Transaction, key: LogKey, actor: Actor, *, private: bytes | None = None
) -> None:
    """Add a key with its event.

    Args:
        transaction: Where to write.
        key: The public key.
        actor: The actor of the change.
        private: The encrypted private key, if the database keeps it.

    Raises:
        LogKeyError: The log had the key before.
    """
    values = {"public_key": key.public, "private_key": private}
    row = transaction.execute(_SQL["add_log_key"], values).fetchone()
    if row is None:
        raise LogKeyError(
            "the key signed this log before and was retired",
            field="key",
            value=str(key),
            remedy="Use a new key; a retired one proves nothing about later checkpoints",
        )
    _record(transaction, EventType.LOG_KEY_ADDED, key, row["added_at"], actor)


def retire(transaction: Transaction, key: LogKey, actor: Actor) -> None:
    """Retire a key with its event; a private key that the database keeps is removed."""
    row = transaction.execute(_SQL["retire_log_key"], {"public_key": key.public}).fetchone()
    if row is not None:
        _record(transaction, EventType.LOG_KEY_RETIRED, key, row["retired_at"], actor)


def rotate(
    transaction: Transaction, secrets: SecretStorage, actor: Actor, *, overlap: timedelta
) -> LogKey:
    """Store a new key; those that are stored already sign as well for a while.

    Returns:
        The new public key.
    """
    transaction.execute(_SQL["wait_for_sealer"])  # it would retire a key that it does not know
    key = _store_new(transaction, secrets, actor)
    values = {"overlap": overlap, "public_key": key.public}
    transaction.execute(_SQL["replace_stored_log_keys"], values)
    return key


def create_first(transaction: Transaction, secrets: SecretStorage, *, actor: Actor) -> None:
    """Store the first key, in a transaction of the sealer that leads."""
    _store_new(transaction, secrets, actor)


def known_keys(transaction: Transaction) -> tuple[KnownLogKey, ...]:
    """Return all keys of the log, the newest first."""
    name = origin(transaction)
    rows = transaction.execute(_SQL["log_keys"]).fetchall()
    return tuple(
        KnownLogKey(key=str(LogKey(name, bytes(row.pop("public_key")))), **row) for row in rows
    )


def read_keys(texts: Iterable[str]) -> list[LogKey]:
    """Return public keys from their texts.

    Raises:
        InvalidInputError: One of them cannot be parsed.
    """
    try:
        return [LogKey.parse(text) for text in texts]
    except UnverifiedLogError as error:
        raise InvalidInputError(
            str(error), field="key", remedy="`pedigree audit status` shows the keys"
        ) from error


def _store_new(transaction: Transaction, secrets: SecretStorage, actor: Actor) -> LogKey:
    signer = LocalSigner.new()
    key = LogKey(origin(transaction), signer.public)
    add(transaction, key, actor, private=secrets.seal(signer.to_text()))
    return key


def _record(
    transaction: Transaction, event_type: EventType, key: LogKey, at: datetime, actor: Actor
) -> None:
    log.record(transaction, event_type, {"key": str(key)}, at=at, actor=actor)
