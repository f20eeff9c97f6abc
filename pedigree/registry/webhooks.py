"""Tell others of events: webhooks, what became of each event for them, and the work itself."""

from collections.abc import Iterable
from datetime import timedelta
from functools import partial

from pedigree.audit import log
from pedigree.catalog import lookups
from pedigree.delivery import outbox as deliveries
from pedigree.delivery import webhooks
from pedigree.delivery.records import Attempt, Delivery, DeliveryState, IssuedWebhook, Webhook
from pedigree.delivery.sink_worker import SinkWorker, is_behind
from pedigree.delivery.webhook_sender import send_trial
from pedigree.delivery.webhook_worker import WebhookWorker
from pedigree.registry._session import Session


class DeliveryOperations(Session):
    """Verbs for webhooks and their deliveries."""

    def create_webhook(
        self,
        url: str,
        *,
        description: str | None = None,
        types: Iterable[str] = (),
        models: Iterable[str] = (),
    ) -> IssuedWebhook:
        """Make a webhook, which is told of what happens from now on; shows its secret this once.

        Args:
            url: Where events are posted to.
            description: What it is for.
            types: Types of events, or patterns such as ``version.*``, that it is for; none: all.
            models: Names of models, or patterns such as ``churn*``, that it is for; none: all.

        Raises:
            InvalidInputError: The URL is none that may be sent to, or a pattern fits no type.
            SecretKeyError: ``PEDIGREE_SECRET_KEY``, by which its secret is kept, is not set.
        """
        actor, types, models = self.actor(), tuple(types), tuple(models)
        self.database.transaction(log.sequence)
        return self.database.transaction(
            lambda transaction: webhooks.create_webhook(
                transaction,
                url,
                actor,
                self.settings,
                description=description,
                types=types,
                models=models,
            )
        )

    def webhooks(self, *, limit: int = lookups.PAGE, after: int = 0) -> tuple[Webhook, ...]:
        """Return a page of the webhooks, the oldest first.

        Args:
            limit: How many at most.
            after: The ``webhook_id`` that the page before ended with.
        """
        limit = lookups.at_least_one(limit)
        return self.database.read(
            lambda transaction: webhooks.webhooks(transaction, limit=limit, after=after)
        )

    def webhook(self, webhook_id: int) -> Webhook:
        """Return a webhook.

        Raises:
            WebhookNotFoundError: There is no such webhook.
        """
        return self.database.read(
            lambda transaction: webhooks.webhook_of(webhooks.webhook_row(transaction, webhook_id))
        )

    def update_webhook(
        self,
        webhook_id: int,
        *,
        url: str | None = None,
        description: str | None = None,
        types: Iterable[str] | None = None,
        models: Iterable[str] | None = None,
        active: bool | None = None,
    ) -> Webhook:
        """Replace what is given; what is None stays as it is.

        While it is not ``active`` nothing is sent, and once it is again all that happened since.

        Raises:
            WebhookNotFoundError: There is no such webhook.
            InvalidInputError: The URL is none that may be sent to, or a pattern fits no type.
        """
        actor = self.actor()
        types = None if types is None else tuple(types)
        models = None if models is None else tuple(models)
        return self.database.transaction(
            lambda transaction: webhooks.update_webhook(
                transaction,
                webhook_id,
                actor,
                self.settings,
                url=url,
                description=description,
                types=types,
                models=models,
                active=active,
            )
        )

    def rotate_webhook_secret(
        self, webhook_id: int, *, keep: timedelta = timedelta(days=1)
    ) -> IssuedWebhook:
        """Give a webhook a new secret, shown this once; the present one signs as well for a while.

        Args:
            webhook_id: The webhook.
            keep: How long messages have both signatures.

        Raises:
            WebhookNotFoundError: There is no such webhook.
            SecretKeyError: ``PEDIGREE_SECRET_KEY``, by which its secret is kept, is not set.
        """
        actor = self.actor()
        return self.database.transaction(
            lambda transaction: webhooks.rotate_secret(
                transaction, webhook_id, actor, self.settings, keep=keep
            )
        )

    def delete_webhook(self, webhook_id: int) -> None:
        """Remove a webhook with its secrets, what it is still to be told, and its log.

        Raises:
            WebhookNotFoundError: There is no such webhook.
        """
        actor = self.actor()
        self.database.transaction(
            lambda transaction: webhooks.delete_webhook(transaction, webhook_id, actor)
        )

    def test_webhook(self, webhook_id: int) -> Attempt:
        """Send a signed message of the type ``webhook.test``, and return how that went.

        It is sent at once, also where the webhook is not active, and neither repeated nor logged.

        Raises:
            WebhookNotFoundError: There is no such webhook.
        """
        row = self.database.read(lambda transaction: webhooks.webhook_row(transaction, webhook_id))
        return send_trial(row, self.settings)

    def deliveries(
        self,
        webhook_id: int,
        *,
        limit: int = lookups.PAGE,
        before: int | None = None,
        state: DeliveryState | None = None,
    ) -> tuple[Delivery, ...]:
        """Return a page of what a webhook was or is to be told, with every try, the newest first.

        Args:
            webhook_id: The webhook.
            limit: How many at most.
            before: The ``seq`` that the page before ended with.
            state: Only what is pending, delivered, or dead.

        Raises:
            WebhookNotFoundError: There is no such webhook.
        """
        limit = lookups.at_least_one(limit)
        return self.database.read(
            lambda transaction: deliveries.deliveries(
                transaction, webhook_id, limit=limit, before=before, state=state
            )
        )

    def delivery(self, webhook_id: int, seq: int) -> Delivery:
        """Return what became of one event for a webhook.

        Raises:
            WebhookNotFoundError: There is no such webhook.
            DeliveryNotFoundError: It was never to be told of the event, or that was forgotten.
        """
        return self.database.read(
            lambda transaction: deliveries.delivery(transaction, webhook_id, seq)
        )

    def redeliver(self, webhook_id: int, seq: int) -> Delivery:
        """Let a delivery begin anew, also one that was delivered or is dead.

        Raises:
            WebhookNotFoundError: There is no such webhook.
            DeliveryNotFoundError: It was never to be told of the event, or that was forgotten.
        """
        return self.database.transaction(
            lambda transaction: deliveries.redeliver(transaction, webhook_id, seq)
        )

    def deliver(self, *, seconds: float | None = None) -> int:
        """Deliver what is due, and return how many tries that took; `pedigree serve` does so too.

        Args:
            seconds: Begin nothing more behind these; until nothing is due when None.

        Raises:
            SecretKeyError: ``PEDIGREE_SECRET_KEY``, by which secrets are kept, is not set.
        """
        return WebhookWorker(self.database, self.settings).run(seconds=seconds)

    def feed_sinks(self, *, seconds: float | None = None) -> int:
        """Send events to the sinks of ``PEDIGREE_SINKS``; `pedigree serve` does so too.

        Args:
            seconds: Send nothing more behind these; until the feed is at its end when None.

        Returns:
            How many events were sent.

        Raises:
            InvalidInputError: A sink's URL is none.
            MissingDependencyError: What a sink needs is not installed.
        """
        self.database.transaction(log.sequence)
        if not self.database.read(partial(is_behind, urls=self.settings.sinks)):
            return 0
        with SinkWorker(self.database, self.settings) as feeder:
            return feeder.run(seconds=seconds)
