"""Webhooks over HTTP."""

from collections.abc import Iterable
from datetime import timedelta

from pedigree.client._session import PAGE, ServiceSession
from pedigree.delivery.records import Attempt, Delivery, DeliveryState, IssuedWebhook, Webhook


class DeliveryOperations(ServiceSession):
    """Verbs for webhooks; each does what its namesake of ``Registry`` does."""

    def create_webhook(
        self,
        url: str,
        *,
        description: str | None = None,
        types: Iterable[str] = (),
        models: Iterable[str] = (),
    ) -> IssuedWebhook:
        """Make a webhook, which is told of every event from now on that its filter lets through."""
        new = {
            "url": url,
            "description": description,
            "types": tuple(types),
            "models": tuple(models),
        }
        return self._write(IssuedWebhook, "POST", "/webhooks", new)

    def webhooks(self, *, limit: int = PAGE, after: int = 0) -> tuple[Webhook, ...]:
        """Return a page of the webhooks, the oldest first."""
        return self._items(Webhook, "/webhooks", limit=limit, after=after)

    def webhook(self, webhook_id: int) -> Webhook:
        """Return a webhook."""
        return self._read(Webhook, f"/webhooks/{webhook_id}")

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
        """Replace what is said of a webhook, or let it rest; what is None stays as it is."""
        change = {
            "url": url,
            "description": description,
            "types": None if types is None else tuple(types),
            "models": None if models is None else tuple(models),
            "active": active,
        }
        return self._write(Webhook, "PATCH", f"/webhooks/{webhook_id}", change)

    def delete_webhook(self, webhook_id: int) -> None:
        """Remove a webhook with what it is still to be told, and its log."""
        self._do("DELETE", f"/webhooks/{webhook_id}")

    def rotate_webhook_secret(
        self, webhook_id: int, *, keep: timedelta = timedelta(days=1)
    ) -> IssuedWebhook:
        """Give a webhook a new secret; the present one signs as well for a while."""
        rotation = {"keep_s": int(keep.total_seconds())}
        return self._write(IssuedWebhook, "POST", f"/webhooks/{webhook_id}/secret", rotation)

    def test_webhook(self, webhook_id: int) -> Attempt:
        """Send a message that tells of nothing, and say how that went."""
        return self._write(Attempt, "POST", f"/webhooks/{webhook_id}/test")

    def deliveries(
        self,
        webhook_id: int,
        *,
        limit: int = PAGE,
        before: int | None = None,
        state: DeliveryState | None = None,
    ) -> tuple[Delivery, ...]:
        """Return a page of what a webhook was or is to be told, the newest first."""
        path = f"/webhooks/{webhook_id}/deliveries"
        return self._items(Delivery, path, cursor="before", limit=limit, before=before, state=state)

    def delivery(self, webhook_id: int, seq: int) -> Delivery:
        """Return what became of one event for a webhook."""
        return self._read(Delivery, f"/webhooks/{webhook_id}/deliveries/{seq}")

    def redeliver(self, webhook_id: int, seq: int) -> Delivery:
        """Let a delivery begin anew, also one that was delivered or is dead."""
        path = f"/webhooks/{webhook_id}/deliveries/{seq}/redeliver"
        return self._write(Delivery, "POST", path)
