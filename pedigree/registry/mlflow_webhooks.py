"""Webhooks as MLflow's clients create, change, list and test them."""

from collections.abc import Sequence

from pedigree._record import UNCHANGED, IsUnchanged, RecordPage
from pedigree.access.records import Permission
from pedigree.audit import log
from pedigree.delivery import mlflow_webhooks as webhooks
from pedigree.delivery.mlflow_kinds import MlflowKind
from pedigree.delivery.mlflow_webhooks import NewMlflowWebhook
from pedigree.delivery.records import Attempt, Webhook
from pedigree.delivery.webhook_sender import send_trial
from pedigree.delivery.webhooks import delete_webhook, webhook_of
from pedigree.postgres.transaction import Transaction
from pedigree.registry.context import ContextGroup


class MlflowWebhookOperations(ContextGroup):
    """Webhooks in MLflow's form; those of our own form do not exist here."""

    def create(self, new: NewMlflowWebhook) -> Webhook:
        """Create a webhook, which receives events from now on.

        Raises:
            InvalidInputError: The URL is not an allowed target.
            SecretKeyError: ``PEDIGREE_SECRET_KEY``, which encrypts the secret, is not set.
        """
        self._context.require(Permission.CONFIGURE)
        actor, settings = self._context.actor(), self._context.settings
        log.sequence(self._context.database)
        return self._context.database.transaction(
            lambda transaction: webhooks.create_mlflow_webhook(transaction, new, actor, settings)
        )

    def page(self, *, limit: int, before: int | None = None) -> RecordPage[Webhook]:
        """Return a page of the webhooks, the newest first.

        Args:
            limit: How many at most.
            before: The last ``webhook_id`` of the previous page.
        """
        self._context.require(Permission.AUDIT)
        return self._context.database.read(
            lambda transaction: webhooks.mlflow_webhooks(transaction, limit=limit, before=before)
        )

    def find(self, webhook_id: int) -> Webhook:
        """Return a webhook.

        Raises:
            WebhookNotFoundError: There is no such webhook.
        """
        self._context.require(Permission.AUDIT)
        return self._context.database.read(
            lambda transaction: webhook_of(webhooks.mlflow_webhook_row(transaction, webhook_id))
        )

    def change(
        self,
        webhook_id: int,
        *,
        name: str | IsUnchanged = UNCHANGED,
        url: str | IsUnchanged = UNCHANGED,
        description: str | IsUnchanged | None = UNCHANGED,
        events: Sequence[MlflowKind] | IsUnchanged = UNCHANGED,
        active: bool | IsUnchanged = UNCHANGED,
        secret: str | IsUnchanged | None = UNCHANGED,
    ) -> Webhook:
        """Change fields of a webhook; what is not given stays.

        Raises:
            WebhookNotFoundError: There is no such webhook.
            InvalidInputError: The URL is not an allowed target.
            SecretKeyError: ``PEDIGREE_SECRET_KEY``, which encrypts the secret, is not set.
        """
        self._context.require(Permission.CONFIGURE)
        actor, settings = self._context.actor(), self._context.settings
        return self._context.database.transaction(
            lambda transaction: webhooks.update_mlflow_webhook(
                transaction,
                webhook_id,
                actor,
                settings,
                secret=secret,
                name=name,
                url=url,
                description=description,
                events=events,
                active=active,
            )
        )

    def remove(self, webhook_id: int) -> None:
        """Delete a webhook with its secret, its pending deliveries and its log.

        Raises:
            WebhookNotFoundError: There is no such webhook.
        """
        self._context.require(Permission.CONFIGURE)
        actor = self._context.actor()

        def write(transaction: Transaction) -> None:
            webhooks.mlflow_webhook_row(transaction, webhook_id)
            delete_webhook(transaction, webhook_id, actor)

        self._context.database.transaction(write)

    def test(self, webhook_id: int, kind: MlflowKind | None = None) -> Attempt:
        """Send an example of a kind of messages, or of the first kind that the webhook receives.

        It is sent at once, even if the webhook is not active, and neither retried nor logged.

        Raises:
            WebhookNotFoundError: There is no such webhook.
        """
        self._context.require(Permission.CONFIGURE)
        row = self._context.database.read(
            lambda transaction: webhooks.mlflow_webhook_row(transaction, webhook_id)
        )
        return send_trial(row, self._context.settings, kind)
