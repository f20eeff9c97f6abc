"""Webhooks: create, change, rotate the secret, and delete, each with its event."""

import hashlib
from collections.abc import Iterable
from datetime import timedelta
from typing import Any
from urllib.parse import urlsplit

from pedigree._record import UNCHANGED, RecordPage
from pedigree.audit import log
from pedigree.audit.event_types import EventType
from pedigree.audit.records import Actor
from pedigree.delivery.records import IssuedWebhook, Webhook, WebhookForm
from pedigree.delivery.signing import SecretBox, new_secret
from pedigree.delivery.webhook_fields import checked_fields
from pedigree.errors import InvalidInputError, WebhookNotFoundError
from pedigree.postgres.pages import fetch_page
from pedigree.postgres.queries import load_queries
from pedigree.postgres.transaction import Row, Transaction
from pedigree.settings import Settings

SQL = load_queries(__package__)

_CHANGEABLE = ("name", "url", "description", "types", "models", "events", "active")
# Private columns: secrets, and the position in the feed.
_PRIVATE = frozenset({"secret", "old_secret", "seq", "now"})
# The fields that None gives a default.
_DEFAULTS = ("description", "types", "models", "events", "active")


def create_webhook(
    transaction: Transaction,
    url: str,
    actor: Actor,
    settings: Settings,
    *,
    description: str | None,
    types: Iterable[str],
    models: Iterable[str],
) -> IssuedWebhook:
    """Create a webhook, which receives events from now on.

    Raises:
        InvalidInputError: The URL is not allowed, or a pattern matches no type.
        SecretKeyError: There is no key to encrypt its secret.
    """
    secret = new_secret()
    webhook = insert_webhook(
        transaction,
        actor,
        settings,
        form=WebhookForm.PEDIGREE,
        secret=secret,
        url=url,
        description=description,
        types=types,
        models=models,
    )
    return IssuedWebhook(webhook=webhook, secret=secret)


def insert_webhook(
    transaction: Transaction,
    actor: Actor,
    settings: Settings,
    *,
    form: WebhookForm,
    secret: str | None,
    **given: Any,
) -> Webhook:
    """Store a webhook; a field that is not given has its default.

    Raises:
        InvalidInputError: The URL is not allowed, or a pattern matches no type.
        SecretKeyError: There is no key to encrypt secrets.
    """
    values = {"name": None, **checked_fields(settings, **{**dict.fromkeys(_DEFAULTS), **given})}
    sealed = sealed_secret(secret, settings)
    values |= {"form": form, "secret": sealed, "actor": actor.name}
    row = transaction.execute(SQL["insert_webhook"], values).fetchall()[0]
    _record(transaction, EventType.WEBHOOK_CREATED, row, actor)
    return webhook_of(row)


def sealed_secret(secret: str | None, settings: Settings) -> bytes | None:
    """Return the encrypted form of a secret; None without one.

    Raises:
        SecretKeyError: There is no key, without which nothing is delivered either.
    """
    box = SecretBox(settings)
    return None if secret is None else box.seal(secret)


def update_webhook(
    transaction: Transaction,
    webhook_id: int,
    actor: Actor,
    settings: Settings,
    **changes: Any,
) -> Webhook:
    """Change the given fields; None: its default.

    A webhook in MLflow's form also has a name and events, and no types.

    Raises:
        WebhookNotFoundError: There is no such webhook.
        InvalidInputError: The URL is None or not allowed, a pattern matches no type, or types are
            given for a webhook in MLflow's form.
    """
    before = lock_webhook(transaction, webhook_id)
    given = {name: value for name, value in changes.items() if value is not UNCHANGED}
    if "url" in given and given["url"] is None:
        raise InvalidInputError(
            "a webhook needs one", field="url", remedy="Delete the webhook, or set it inactive"
        )
    if given.get("types") and before["form"] == WebhookForm.MLFLOW:
        raise InvalidInputError(
            "a webhook in MLflow's form has events of MLflow instead",
            field="types",
            remedy="Change them by a client of MLflow, or create a webhook of our form",
        )
    kept = {name: before[name] for name in _CHANGEABLE}
    values = {**kept, **checked_fields(settings, **given)}
    if values == kept:
        return webhook_of(before)
    values["webhook_id"] = webhook_id
    row = transaction.execute(SQL["update_webhook"], values).fetchall()[0]
    _record(transaction, EventType.WEBHOOK_UPDATED, row, actor)
    return webhook_of(row)


def rotate_secret(
    transaction: Transaction,
    webhook_id: int,
    actor: Actor,
    settings: Settings,
    *,
    keep: timedelta,
) -> IssuedWebhook:
    """Replace a webhook's secret by a new one; in our own form the old one signs for a while.

    Raises:
        WebhookNotFoundError: There is no such webhook.
        SecretKeyError: There is no key to encrypt its secret.
    """
    secret = new_secret()
    webhook = set_secret(transaction, webhook_id, actor, settings, secret, keep=keep)
    return IssuedWebhook(webhook=webhook, secret=secret)


def set_secret(
    transaction: Transaction,
    webhook_id: int,
    actor: Actor,
    settings: Settings,
    secret: str | None,
    *,
    keep: timedelta = timedelta(0),
) -> Webhook:
    """Give a webhook a secret, or none in MLflow's form.

    In our own form, the old one also signs for a while.

    Raises:
        WebhookNotFoundError: There is no such webhook.
        SecretKeyError: There is no key to encrypt it.
    """
    sealed = sealed_secret(secret, settings)
    values = {"webhook_id": webhook_id, "secret": sealed, "keep": keep}
    row = transaction.execute(SQL["rotate_secret"], values).fetchone()
    if row is None:
        raise no_webhook(webhook_id)
    _record(transaction, EventType.WEBHOOK_SECRET_ROTATED, row, actor)
    return webhook_of(row)


def delete_webhook(transaction: Transaction, webhook_id: int, actor: Actor) -> None:
    """Delete a webhook with its secrets and its log.

    Raises:
        WebhookNotFoundError: There is no such webhook.
    """
    row = lock_webhook(transaction, webhook_id)
    transaction.execute(SQL["delete_webhook"], {"webhook_id": webhook_id})
    _record(transaction, EventType.WEBHOOK_DELETED, row, actor)


def webhooks(transaction: Transaction, *, limit: int, after: int) -> RecordPage[Webhook]:
    """Return webhooks after ``after``, in the order of creation."""
    found = fetch_page(transaction, SQL["webhooks"], {"limit": limit, "after": after})
    return RecordPage(map(webhook_of, found.rows), is_cut=found.is_cut)


def webhook_row(transaction: Transaction, webhook_id: int) -> Row:
    """Return the row of a webhook.

    Raises:
        WebhookNotFoundError: There is no such webhook.
    """
    row = transaction.execute(SQL["webhook"], {"webhook_id": webhook_id}).fetchone()
    if row is None:
        raise no_webhook(webhook_id)
    return row


def webhook_of(row: Row) -> Webhook:
    """Return the record of a row."""
    return Webhook(**{name: value for name, value in row.items() if name not in _PRIVATE})


def keys_of(row: Row, settings: Settings) -> tuple[str, ...]:
    """Return the secrets that sign at present; none if messages in MLflow's form are unsigned.

    Raises:
        SecretKeyError: They cannot be read.
    """
    box = SecretBox(settings)
    return tuple(box.open(bytes(kept)) for kept in (row["secret"], row["old_secret"]) if kept)


def lock_webhook(transaction: Transaction, webhook_id: int) -> Row:
    """Return the row of a webhook, locked until the transaction ends.

    Raises:
        WebhookNotFoundError: There is no such webhook.
    """
    row = transaction.execute(SQL["lock_webhook"], {"webhook_id": webhook_id}).fetchone()
    if row is None:
        raise no_webhook(webhook_id)
    return row


def no_webhook(webhook_id: int | str) -> WebhookNotFoundError:
    """Return the error of a webhook that does not exist."""
    return WebhookNotFoundError(
        "no such webhook exists",
        field="webhook_id",
        value=webhook_id,
        remedy="`pedigree webhook list` lists them",
    )


def _record(transaction: Transaction, event_type: EventType, row: Row, actor: Actor) -> None:
    """Write the event with the whole row; a digest replaces a value that may be secret."""
    until = row["old_secret_until"]
    body = {
        "webhook_id": row["webhook_id"],
        "name": row["name"],
        "form": row["form"],
        "host": urlsplit(row["url"]).hostname,
        "url_sha256": hashlib.sha256(row["url"].encode()).hexdigest(),
        "description": row["description"],
        "types": row["types"],
        "models": row["models"],
        "events": row["events"],
        "active": row["active"],
        # So that a replaced secret is detected.
        "secret_sha256": _digest(row["secret"]),
        "old_secret_sha256": _digest(row["old_secret"]),
        "old_secret_until": until.isoformat() if until else None,
    }
    at = row["created_at"] if event_type is EventType.WEBHOOK_CREATED else row["now"]
    log.record(transaction, event_type, body, at=at, actor=actor)


def _digest(kept: bytes | None) -> str | None:
    return None if kept is None else hashlib.sha256(bytes(kept)).hexdigest()
