"""Webhooks: create, change, rotate the secret, and delete, each with its event."""

import hashlib
from collections.abc import Iterable
from datetime import timedelta
from typing import Any
from urllib.parse import urlsplit

from pedigree._record import UNCHANGED, RecordPage
from pedigree.access.patterns import is_one_of
from pedigree.audit import log
from pedigree.audit.event_types import EventType
from pedigree.audit.records import Actor
from pedigree.delivery.records import IssuedWebhook, Webhook
from pedigree.delivery.signing import SecretBox, new_secret
from pedigree.egress.addresses import url_fault
from pedigree.errors import InvalidInputError, WebhookNotFoundError
from pedigree.postgres.pages import fetch_page
from pedigree.postgres.queries import load_queries
from pedigree.postgres.transaction import Row, Transaction
from pedigree.settings import Settings

SQL = load_queries(__package__)

_CHANGEABLE = ("url", "description", "types", "models", "active")
# Private columns: secrets, and the position in the feed.
_PRIVATE = frozenset({"secret", "old_secret", "seq", "now"})


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
    values = _checked(settings, url=url, description=description, types=types, models=models)
    secret = new_secret()
    values |= {"secret": SecretBox(settings).seal(secret), "actor": actor.name}
    row = transaction.execute(SQL["insert_webhook"], values).fetchall()[0]
    _record(transaction, EventType.WEBHOOK_CREATED, row, actor)
    return IssuedWebhook(webhook=webhook_of(row), secret=secret)


def update_webhook(
    transaction: Transaction,
    webhook_id: int,
    actor: Actor,
    settings: Settings,
    **changes: Any,
) -> Webhook:
    """Change the given ones of url, description, types, models and active; None: its default.

    Raises:
        WebhookNotFoundError: There is no such webhook.
        InvalidInputError: The URL is None or not allowed, or a pattern matches no type.
    """
    before = lock_webhook(transaction, webhook_id)
    given = {name: value for name, value in changes.items() if value is not UNCHANGED}
    if "url" in given and given["url"] is None:
        raise InvalidInputError(
            "a webhook needs one", field="url", remedy="Delete the webhook, or set it inactive"
        )
    kept = {name: before[name] for name in _CHANGEABLE}
    values = {"webhook_id": webhook_id, **kept, **_checked(settings, **given)}
    row = transaction.execute(SQL["update_webhook"], values).fetchall()[0]
    if webhook_of(row) != webhook_of(before):
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
    """Replace a webhook's secret; the old one also signs for a while.

    Raises:
        WebhookNotFoundError: There is no such webhook.
        SecretKeyError: There is no key to encrypt its secret.
    """
    secret = new_secret()
    values = {"webhook_id": webhook_id, "secret": SecretBox(settings).seal(secret), "keep": keep}
    row = transaction.execute(SQL["rotate_secret"], values).fetchone()
    if row is None:
        raise _no_webhook(webhook_id)
    _record(transaction, EventType.WEBHOOK_SECRET_ROTATED, row, actor)
    return IssuedWebhook(webhook=webhook_of(row), secret=secret)


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
        raise _no_webhook(webhook_id)
    return row


def webhook_of(row: Row) -> Webhook:
    """Return the record of a row."""
    return Webhook(**{name: value for name, value in row.items() if name not in _PRIVATE})


def keys_of(row: Row, settings: Settings) -> tuple[str, ...]:
    """Return the secrets that sign at present.

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
        raise _no_webhook(webhook_id)
    return row


def _no_webhook(webhook_id: int) -> WebhookNotFoundError:
    return WebhookNotFoundError(
        "no such webhook exists",
        field="webhook_id",
        value=webhook_id,
        remedy="`pedigree webhook list` lists them",
    )


def _checked(settings: Settings, **given: Any) -> dict[str, Any]:
    """Return the given fields as columns; None is the default of a field."""
    if "url" in given:
        _require_url(given["url"], settings)
    if "types" in given:
        given["types"] = [_required_type(word) for word in given["types"] or ()]
    if "models" in given:
        given["models"] = list(given["models"] or ())
    if "active" in given:
        given["active"] = given["active"] in (None, True)
    return given


def _required_type(word: str) -> str:
    if not any(is_one_of(kind, [word]) for kind in EventType):
        raise InvalidInputError(
            "matches no event type",
            field="types",
            value=word,
            remedy="Give one of docs/reference/events.md, or a pattern such as version.*",
        )
    return word


def _require_url(url: str, settings: Settings) -> None:
    wrong = url_fault(url) or _fault(url, settings)
    if wrong is not None:
        raise InvalidInputError(
            wrong, field="url", remedy="Give a URL such as https://ci.example/hooks/pedigree"
        )


def _fault(url: str, settings: Settings) -> str | None:
    if urlsplit(url).scheme == "http" and not settings.webhook_networks:
        return "http is allowed only for PEDIGREE_WEBHOOK_NETWORKS, which is empty"
    return None


def _record(transaction: Transaction, event_type: EventType, row: Row, actor: Actor) -> None:
    """Write the event with the whole row; a digest replaces a value that may be secret."""
    until = row["old_secret_until"]
    body = {
        "webhook_id": row["webhook_id"],
        "host": urlsplit(row["url"]).hostname,
        "url_sha256": hashlib.sha256(row["url"].encode()).hexdigest(),
        "description": row["description"],
        "types": row["types"],
        "models": row["models"],
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
