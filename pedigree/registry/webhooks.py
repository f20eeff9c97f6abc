"""Webhooks and their deliveries."""

from collections.abc import Iterable
from datetime import timedelta
from functools import partial

from pedigree._record import PAGE, UNCHANGED, IsUnchanged
from pedigree.access.records import Permission
from pedigree.audit import log
from pedigree.contract.webhooks import WebhookContract, changed_patterns
from pedigree.delivery import outbox as deliveries
from pedigree.delivery import webhooks
from pedigree.delivery.records import Attempt, Delivery, DeliveryState, IssuedWebhook, Webhook
from pedigree.delivery.sink_worker import SinkWorker, has_undelivered
from pedigree.delivery.webhook_sender import send_trial
from pedigree.delivery.webhook_worker import WebhookWorker
from pedigree.postgres.pages import at_least_one
from pedigree.registry.context import ContextGroup


class WebhookOperations(ContextGroup, WebhookContract):
    """Webhooks and their deliveries."""

    def create_webhook(
        self,
        url: str,
        *,
        description: str | None = None,
        types: Iterable[str] = (),
        models: Iterable[str] = (),
    ) -> IssuedWebhook:
        self._context.require(Permission.CONFIGURE)
        actor, types, models = self._context.actor(), tuple(types), tuple(models)
        log.sequence(self._context.database)
        return self._context.database.transaction(
            lambda transaction: webhooks.create_webhook(
                transaction,
                url,
                actor,
                self._context.settings,
                description=description,
                types=types,
                models=models,
            )
        )

    def webhooks(self, *, limit: int = PAGE, after: int = 0) -> tuple[Webhook, ...]:
        self._context.require(Permission.AUDIT)
        limit = at_least_one(limit)
        return self._context.database.read(
            lambda transaction: webhooks.webhooks(transaction, limit=limit, after=after)
        )

    def webhook(self, webhook_id: int) -> Webhook:
        self._context.require(Permission.AUDIT)
        return self._context.database.read(
            lambda transaction: webhooks.webhook_of(webhooks.webhook_row(transaction, webhook_id))
        )

    def update_webhook(
        self,
        webhook_id: int,
        *,
        url: str | IsUnchanged | None = UNCHANGED,
        description: str | IsUnchanged | None = UNCHANGED,
        types: Iterable[str] | IsUnchanged | None = UNCHANGED,
        models: Iterable[str] | IsUnchanged | None = UNCHANGED,
        active: bool | IsUnchanged | None = UNCHANGED,
    ) -> Webhook:
        self._context.require(Permission.CONFIGURE)
        actor = self._context.actor()
        # An iterator would be empty when the transaction is repeated.
        patterns = changed_patterns(types=types, models=models)
        return self._context.database.transaction(
            lambda transaction: webhooks.update_webhook(
                transaction,
                webhook_id,
                actor,
                self._context.settings,
                url=url,
                description=description,
                active=active,
                **patterns,
            )
        )

    def rotate_webhook_secret(
        self, webhook_id: int, *, keep: timedelta = timedelta(days=1)
    ) -> IssuedWebhook:
        self._context.require(Permission.CONFIGURE)
        actor = self._context.actor()
        return self._context.database.transaction(
            lambda transaction: webhooks.rotate_secret(
                transaction, webhook_id, actor, self._context.settings, keep=keep
            )
        )

    def delete_webhook(self, webhook_id: int) -> None:
        self._context.require(Permission.CONFIGURE)
        actor = self._context.actor()
        self._context.database.transaction(
            lambda transaction: webhooks.delete_webhook(transaction, webhook_id, actor)
        )

    def test_webhook(self, webhook_id: int) -> Attempt:
        self._context.require(Permission.CONFIGURE)
        row = self._context.database.read(
            lambda transaction: webhooks.webhook_row(transaction, webhook_id)
        )
        return send_trial(row, self._context.settings)

    def deliveries(
        self,
        webhook_id: int,
        *,
        limit: int = PAGE,
        before: int | None = None,
        state: DeliveryState | None = None,
    ) -> tuple[Delivery, ...]:
        self._context.require(Permission.AUDIT)
        limit = at_least_one(limit)
        return self._context.database.read(
            lambda transaction: deliveries.deliveries(
                transaction, webhook_id, limit=limit, before=before, state=state
            )
        )

    def delivery(self, webhook_id: int, seq: int) -> Delivery:
        self._context.require(Permission.AUDIT)
        return self._context.database.read(
            lambda transaction: deliveries.delivery(transaction, webhook_id, seq)
        )

    def redeliver(self, webhook_id: int, seq: int) -> Delivery:
        self._context.require(Permission.CONFIGURE)
        return self._context.database.transaction(
            lambda transaction: deliveries.redeliver(transaction, webhook_id, seq)
        )

    def deliver(self, *, seconds: float | None = None) -> int:
        """Send the due deliveries, and return the number of attempts; `pedigree serve` does so too.

        Args:
            seconds: Begin no delivery after this time; until nothing is due when None.

        Raises:
            SecretKeyError: ``PEDIGREE_SECRET_KEY``, which encrypts the secrets, is not set.
        """
        return WebhookWorker(self._context.database, self._context.settings).run(seconds=seconds)

    def feed_sinks(self, *, seconds: float | None = None) -> int:
        """Send events to the sinks of ``PEDIGREE_SINKS``; `pedigree serve` does so too.

        Args:
            seconds: Send no event after this time; until the end of the feed when None.

        A sink that cannot be opened or fed is noted as a failure, and stops no other.

        Returns:
            The number of sent events.
        """
        log.sequence(self._context.database)
        if not self._context.database.read(
            partial(has_undelivered, urls=self._context.settings.sinks)
        ):
            return 0
        with SinkWorker(self._context.database, self._context.settings) as worker:
            return worker.run(seconds=seconds)
