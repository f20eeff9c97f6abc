"""Webhooks and their deliveries."""

from collections.abc import Iterable
from datetime import timedelta

from pedigree._record import PAGE, UNCHANGED, IsUnchanged
from pedigree.client.service import ServiceGroup, changed_fields
from pedigree.contract import paths
from pedigree.contract.paths import fill
from pedigree.contract.webhooks import WebhookContract, changed_patterns
from pedigree.delivery.records import Attempt, Delivery, DeliveryState, IssuedWebhook, Webhook


class RemoteWebhooks(ServiceGroup, WebhookContract):
    """Webhooks and their deliveries."""

    def create_webhook(
        self,
        url: str,
        *,
        description: str | None = None,
        types: Iterable[str] = (),
        models: Iterable[str] = (),
    ) -> IssuedWebhook:
        new = {
            "url": url,
            "description": description,
            "types": tuple(types),
            "models": tuple(models),
        }
        return self._service.write(IssuedWebhook, "POST", paths.WEBHOOKS, new)

    def webhooks(self, *, limit: int = PAGE, after: int = 0) -> tuple[Webhook, ...]:
        return self._service.items(Webhook, paths.WEBHOOKS, limit=limit, after=after)

    def webhook(self, webhook_id: int) -> Webhook:
        return self._service.read(Webhook, fill(paths.WEBHOOK, webhook_id=webhook_id))

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
        patterns = changed_patterns(types=types, models=models)
        change = changed_fields(url=url, description=description, active=active, **patterns)
        return self._service.write(
            Webhook, "PATCH", fill(paths.WEBHOOK, webhook_id=webhook_id), change
        )

    def rotate_webhook_secret(
        self, webhook_id: int, *, keep: timedelta = timedelta(days=1)
    ) -> IssuedWebhook:
        rotation = {"keep_s": int(keep.total_seconds())}
        return self._service.write(
            IssuedWebhook, "POST", fill(paths.WEBHOOK_SECRET, webhook_id=webhook_id), rotation
        )

    def delete_webhook(self, webhook_id: int) -> None:
        self._service.do("DELETE", fill(paths.WEBHOOK, webhook_id=webhook_id))

    def test_webhook(self, webhook_id: int) -> Attempt:
        return self._service.write(Attempt, "POST", fill(paths.WEBHOOK_TEST, webhook_id=webhook_id))

    def deliveries(
        self,
        webhook_id: int,
        *,
        limit: int = PAGE,
        before: int | None = None,
        state: DeliveryState | None = None,
    ) -> tuple[Delivery, ...]:
        path = fill(paths.DELIVERIES, webhook_id=webhook_id)
        return self._service.items(
            Delivery, path, cursor="before", limit=limit, before=before, state=state
        )

    def delivery(self, webhook_id: int, seq: int) -> Delivery:
        return self._service.read(Delivery, fill(paths.DELIVERY, webhook_id=webhook_id, seq=seq))

    def redeliver(self, webhook_id: int, seq: int) -> Delivery:
        path = fill(paths.REDELIVERY, webhook_id=webhook_id, seq=seq)
        return self._service.write(Delivery, "POST", path)
