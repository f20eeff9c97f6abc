"""Webhooks and their deliveries."""

from collections.abc import Iterable
from datetime import timedelta
from typing import Protocol

from pedigree._record import PAGE
from pedigree.delivery.records import Attempt, Delivery, DeliveryState, IssuedWebhook, Webhook


class WebhookContract(Protocol):
    """Webhooks and their deliveries."""

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

    def webhooks(self, *, limit: int = PAGE, after: int = 0) -> tuple[Webhook, ...]:
        """Return a page of the webhooks, the oldest first.

        Args:
            limit: How many at most.
            after: The ``webhook_id`` that the page before ended with.
        """

    def webhook(self, webhook_id: int) -> Webhook:
        """Return a webhook.

        Raises:
            WebhookNotFoundError: There is no such webhook.
        """

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

    def delete_webhook(self, webhook_id: int) -> None:
        """Remove a webhook with its secrets, what it is still to be told, and its log.

        Raises:
            WebhookNotFoundError: There is no such webhook.
        """

    def test_webhook(self, webhook_id: int) -> Attempt:
        """Send a signed message of the type ``webhook.test``, and return how that went.

        It is sent at once, also where the webhook is not active, and neither repeated nor logged.

        Raises:
            WebhookNotFoundError: There is no such webhook.
        """

    def deliveries(
        self,
        webhook_id: int,
        *,
        limit: int = PAGE,
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

    def delivery(self, webhook_id: int, seq: int) -> Delivery:
        """Return what became of one event for a webhook.

        Raises:
            WebhookNotFoundError: There is no such webhook.
            DeliveryNotFoundError: It was never to be told of the event, or that was forgotten.
        """

    def redeliver(self, webhook_id: int, seq: int) -> Delivery:
        """Let a delivery begin anew, also one that was delivered or is dead.

        Raises:
            WebhookNotFoundError: There is no such webhook.
            DeliveryNotFoundError: It was never to be told of the event, or that was forgotten.
        """
