"""Webhooks and their deliveries."""

from collections.abc import Iterable
from datetime import timedelta
from typing import Protocol

from pedigree._record import PAGE, UNCHANGED, IsUnchanged
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
        """Create a webhook, which receives events from now on; its secret is shown only once.

        Args:
            url: Where events are posted.
            description: Its purpose.
            types: Event types or patterns such as ``version.*``; all types but reads when empty.
            models: Names of models or patterns such as ``churn*``; all models when empty.

        Raises:
            InvalidInputError: The URL is not an allowed target, or a pattern matches no type.
            SecretKeyError: ``PEDIGREE_SECRET_KEY``, which encrypts the secret, is not set.
        """

    def webhooks(self, *, limit: int = PAGE, after: int = 0) -> tuple[Webhook, ...]:
        """Return a page of the webhooks, the oldest first.

        Args:
            limit: How many at most.
            after: The last ``webhook_id`` of the previous page.
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
        url: str | IsUnchanged | None = UNCHANGED,
        description: str | IsUnchanged | None = UNCHANGED,
        types: Iterable[str] | IsUnchanged | None = UNCHANGED,
        models: Iterable[str] | IsUnchanged | None = UNCHANGED,
        active: bool | IsUnchanged | None = UNCHANGED,
    ) -> Webhook:
        """Change fields of a webhook; what is not given stays, and None restores a default.

        While it is not ``active``, nothing is sent; once it is active again, the missed events are.

        Raises:
            WebhookNotFoundError: There is no such webhook.
            InvalidInputError: The URL is None or not an allowed target, or a pattern matches no
                type.
        """

    def rotate_webhook_secret(
        self, webhook_id: int, *, keep: timedelta = timedelta(days=1)
    ) -> IssuedWebhook:
        """Rotate a webhook's secret, shown only once; the old one also signs for some time.

        Args:
            webhook_id: The webhook.
            keep: How long messages carry both signatures.

        Raises:
            WebhookNotFoundError: There is no such webhook.
            SecretKeyError: ``PEDIGREE_SECRET_KEY``, which encrypts the secret, is not set.
        """

    def delete_webhook(self, webhook_id: int) -> None:
        """Delete a webhook with its secrets, its pending deliveries and its log.

        Raises:
            WebhookNotFoundError: There is no such webhook.
        """

    def test_webhook(self, webhook_id: int) -> Attempt:
        """Send a signed message of the type ``webhook.test``, and return the result.

        It is sent at once, even if the webhook is not active, and neither retried nor logged.

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
        """Return a page of a webhook's deliveries with their attempts, the newest first.

        Args:
            webhook_id: The webhook.
            limit: How many at most.
            before: The last ``seq`` of the previous page.
            state: Only deliveries that are ``pending``, ``delivered`` or ``dead``.

        Raises:
            WebhookNotFoundError: There is no such webhook.
        """

    def delivery(self, webhook_id: int, seq: int) -> Delivery:
        """Return the delivery of one event to a webhook.

        Raises:
            WebhookNotFoundError: There is no such webhook.
            DeliveryNotFoundError: The webhook has no delivery of the event, or its log expired.
        """

    def redeliver(self, webhook_id: int, seq: int) -> Delivery:
        """Restart a delivery, even one that was delivered or is dead.

        Raises:
            WebhookNotFoundError: There is no such webhook.
            DeliveryNotFoundError: The webhook has no delivery of the event, or its log expired.
        """


def changed_patterns(
    **given: Iterable[str] | IsUnchanged | None,
) -> dict[str, tuple[str, ...] | IsUnchanged | None]:
    """Return changes of patterns as tuples, which can be read more than once."""
    return {
        name: value if value is None or value is UNCHANGED else tuple(value)
        for name, value in given.items()
    }
