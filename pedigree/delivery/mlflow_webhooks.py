"""Webhooks as MLflow's clients create, change and list them."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from pedigree._record import UNCHANGED, IsUnchanged, RecordPage
from pedigree.audit.records import Actor
from pedigree.delivery.mlflow_kinds import MlflowKind
from pedigree.delivery.records import Webhook, WebhookForm
from pedigree.delivery.webhooks import (
    SQL,
    insert_webhook,
    no_webhook,
    set_secret,
    update_webhook,
    webhook_of,
    webhook_row,
)
from pedigree.postgres.pages import fetch_page
from pedigree.postgres.transaction import Row, Transaction
from pedigree.settings import Settings


@dataclass(frozen=True, kw_only=True)
class NewMlflowWebhook:
    """A webhook to create in MLflow's form.

    Attributes:
        name: Its name, which need not be unique.
        url: Where messages are posted.
        events: The kinds of messages, at least one.
        description: Its purpose.
        secret: The key of the signatures; without one, messages are not signed.
        active: Whether messages are sent.
    """

    name: str
    url: str
    events: Sequence[MlflowKind]
    description: str | None = None
    secret: str | None = field(default=None, repr=False)
    active: bool = True


def create_mlflow_webhook(
    transaction: Transaction, new: NewMlflowWebhook, actor: Actor, settings: Settings
) -> Webhook:
    """Create a webhook in MLflow's form, which receives events from now on.

    Raises:
        InvalidInputError: The URL is not allowed.
        SecretKeyError: There is no key to encrypt secrets.
    """
    return insert_webhook(
        transaction,
        actor,
        settings,
        form=WebhookForm.MLFLOW,
        secret=new.secret,
        name=new.name,
        url=new.url,
        description=new.description,
        events=new.events,
        active=new.active,
    )


def update_mlflow_webhook(
    transaction: Transaction,
    webhook_id: int,
    actor: Actor,
    settings: Settings,
    *,
    secret: str | IsUnchanged | None,
    **changes: Any,
) -> Webhook:
    """Change the given fields of a webhook in MLflow's form.

    Args:
        transaction: The transaction.
        webhook_id: The webhook.
        actor: Who changes it.
        settings: The key that encrypts secrets.
        secret: The new secret; None: messages are not signed any longer.
        changes: Other fields; what is not given stays.

    Raises:
        WebhookNotFoundError: There is no such webhook in MLflow's form.
        InvalidInputError: The URL is not allowed.
        SecretKeyError: There is no key to encrypt the secret.
    """
    mlflow_webhook_row(transaction, webhook_id)
    webhook = update_webhook(transaction, webhook_id, actor, settings, **changes)
    if secret is UNCHANGED:
        return webhook
    return set_secret(transaction, webhook_id, actor, settings, secret)


def mlflow_webhook_row(transaction: Transaction, webhook_id: int) -> Row:
    """Return the row of a webhook in MLflow's form.

    Raises:
        WebhookNotFoundError: There is no such webhook in MLflow's form.
    """
    row = webhook_row(transaction, webhook_id)
    if row["form"] != WebhookForm.MLFLOW:
        raise no_webhook(webhook_id)
    return row


def mlflow_webhooks(
    transaction: Transaction, *, limit: int, before: int | None
) -> RecordPage[Webhook]:
    """Return webhooks in MLflow's form before another one, the newest first."""
    found = fetch_page(transaction, SQL["mlflow_webhooks"], {"limit": limit, "before": before})
    return RecordPage(map(webhook_of, found.rows), is_cut=found.is_cut)
