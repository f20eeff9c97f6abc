"""Webhooks, and their deliveries with each attempt."""

from datetime import timedelta
from typing import Annotated

from fastapi import Path, Query
from pydantic import Field, StrictBool
from pydantic_core import to_json
from starlette.responses import Response

from pedigree._record import Integer, Patch, Record
from pedigree.access.records import Permission
from pedigree.contract import paths
from pedigree.delivery.records import Attempt, Delivery, DeliveryState, IssuedWebhook, Webhook
from pedigree.delivery.webhooks import lock_webhook
from pedigree.server.http.auth import requires
from pedigree.server.http.pages import Page
from pedigree.server.http.parameters import DIGITS, AfterId, Limit
from pedigree.server.http.requests import ChangeCall, ReadCall, WriteCall
from pedigree.server.http.resources import resource

router = resource("webhooks")

Id = Annotated[int, Path(ge=1, lt=2**63, description="The id of a webhook"), DIGITS]
Seq = Annotated[int, Path(ge=1, lt=2**63, description="The event's seq in the feed"), DIGITS]
Patterns = Annotated[tuple[str, ...], Field(max_length=100)]
_DAY_S = 86_400


class NewWebhook(Record):
    """A webhook to create."""

    url: str = Field(max_length=2048)
    description: str | None = Field(default=None, max_length=10_000)
    types: Patterns = Field(
        default=(), description="Event types or patterns; all types but reads when empty"
    )
    models: Patterns = Field(
        default=(), description="Names of models or patterns; all models when empty"
    )


class WebhookChange(Patch):
    """A change of a webhook by JSON Merge Patch (RFC 7396): null restores a field's default."""

    url: str | None = Field(default=None, max_length=2048, description="Never null")
    description: str | None = Field(default=None, max_length=10_000)
    types: Patterns | None = Field(
        default=None, description="Replaces all; all types but reads when null"
    )
    models: Patterns | None = Field(default=None, description="Replaces all; all models when null")
    active: StrictBool | None = Field(
        default=None, description="Nothing is sent while it is false; true when null"
    )


class Rotation(Record):
    """A rotation of a webhook's secret."""

    keep_s: Integer = Field(
        default=_DAY_S,
        ge=0,
        le=30 * _DAY_S,
        description="How many seconds the old secret also signs",
    )


@router.post(paths.WEBHOOKS, status_code=201, responses={201: {"model": IssuedWebhook}})
@requires(Permission.CONFIGURE)
def create_webhook(call: WriteCall, new: NewWebhook) -> Response:
    """Create a webhook; only this answer contains its secret."""
    return call.write(
        lambda registry: registry.create_webhook(
            new.url, description=new.description, types=new.types, models=new.models
        ),
        status=201,
        location=lambda issued: call.path("get_webhook", webhook_id=issued.webhook.webhook_id),
        secret=True,
    )


@router.get(paths.WEBHOOKS, responses={200: {"model": Page[Webhook]}})
@requires(Permission.AUDIT)
def list_webhooks(
    call: ReadCall,
    limit: Limit = 100,
    after: AfterId = 0,
) -> Response:
    """List the webhooks, the oldest first."""
    found = call.registry.webhooks(limit=limit + 1, after=after)
    return call.page(found, limit, lambda webhook: webhook.webhook_id)


@router.get(paths.WEBHOOK, responses={200: {"model": Webhook}})
@requires(Permission.AUDIT)
def get_webhook(call: ReadCall, webhook_id: Id) -> Response:
    """Return a webhook without its secret."""
    return call.answer(call.registry.webhook(webhook_id))


@router.patch(paths.WEBHOOK, responses={200: {"model": Webhook}})
@requires(Permission.CONFIGURE)
def update_webhook(call: ChangeCall, webhook_id: Id, change: WebhookChange) -> Response:
    """Change fields of a webhook, or pause it; null restores a default (RFC 7396)."""
    return _of(call, webhook_id).write(
        lambda registry: registry.update_webhook(webhook_id, **change.given())
    )


@router.delete(paths.WEBHOOK, status_code=204)
@requires(Permission.CONFIGURE)
def delete_webhook(call: ChangeCall, webhook_id: Id) -> Response:
    """Delete a webhook with its pending deliveries and its log."""
    return _of(call, webhook_id).write(lambda registry: registry.delete_webhook(webhook_id))


@router.post(paths.WEBHOOK_SECRET, responses={200: {"model": IssuedWebhook}})
@requires(Permission.CONFIGURE)
def rotate_webhook_secret(call: WriteCall, webhook_id: Id, rotation: Rotation) -> Response:
    """Rotate a webhook's secret; only this answer contains the new one."""
    keep = timedelta(seconds=rotation.keep_s)
    return call.write(
        lambda registry: registry.rotate_webhook_secret(webhook_id, keep=keep), secret=True
    )


@router.post(paths.WEBHOOK_TEST, responses={200: {"model": Attempt}})
@requires(Permission.CONFIGURE)
def test_webhook(call: WriteCall, webhook_id: Id) -> Response:
    """Send a test message, and return the result without the receiver's answer."""
    # Not a write, so that no transaction is open while the receiver answers.
    attempt = call.caller.registry.test_webhook(webhook_id)
    return Response(to_json(attempt), media_type="application/json")


@router.get(paths.DELIVERIES, responses={200: {"model": Page[Delivery]}})
@requires(Permission.AUDIT)
def list_deliveries(
    call: ReadCall,
    webhook_id: Id,
    limit: Limit = 100,
    before: Annotated[
        int | None,
        Query(ge=1, lt=2**63, description="The last seq of the previous page"),
        DIGITS,
    ] = None,
    state: Annotated[
        DeliveryState | None, Query(description="Only deliveries in this state")
    ] = None,
) -> Response:
    """List a webhook's deliveries with their attempts, the newest first."""
    found = call.registry.deliveries(webhook_id, limit=limit + 1, before=before, state=state)
    return call.page(found, limit, lambda delivery: delivery.seq, "before")


@router.get(paths.DELIVERY, responses={200: {"model": Delivery}})
@requires(Permission.AUDIT)
def get_delivery(call: ReadCall, webhook_id: Id, seq: Seq) -> Response:
    """Return the delivery of one event to a webhook."""
    return call.answer(call.registry.delivery(webhook_id, seq))


@router.post(paths.REDELIVERY, responses={200: {"model": Delivery}})
@requires(Permission.CONFIGURE)
def redeliver(call: WriteCall, webhook_id: Id, seq: Seq) -> Response:
    """Restart a delivery, even one that was delivered or is dead."""
    return call.write(lambda registry: registry.redeliver(webhook_id, seq))


def _of(call: ChangeCall, webhook_id: int) -> ChangeCall:
    return call.of(
        lambda registry: registry.webhook(webhook_id),
        lock=lambda transaction: lock_webhook(transaction, webhook_id),
    )
