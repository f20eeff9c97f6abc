"""Admin: webhooks, and whether their deliveries arrive."""

from starlette.responses import Response

from pedigree.access.records import Permission
from pedigree.delivery.records import DeliveryState, WebhookForm
from pedigree.errors import InvalidInputError, WebhookNotFoundError
from pedigree.server.http.auth import requires
from pedigree.server.web.admin import fields, links
from pedigree.server.web.admin.lists import listed
from pedigree.server.web.admin.pages import admin_page, shown_once
from pedigree.server.web.keys import key_before
from pedigree.server.web.routes import Pages
from pedigree.server.web.visits import Visit

pages = Pages()

_BOTH_SIGN = "For a day, messages are signed with the former secret as well."


@pages.get(links.WEBHOOKS)
@requires(Permission.AUDIT)
def admin_webhooks(visit: Visit) -> Response:
    """List the webhooks, the oldest first, and offer to create one."""
    registry, after = visit.registry, key_before(visit.query, "after") or 0
    found = listed(
        lambda limit: registry.webhooks(limit=limit, after=after), lambda each: each.webhook_id
    )
    return admin_page(visit, "webhooks.html", links.WEBHOOKS, webhooks=found)


@pages.post(links.NEW_WEBHOOK, again=admin_webhooks)
@requires(Permission.CONFIGURE)
def create_webhook(visit: Visit) -> Response:
    """Create a webhook, and show its secret once."""
    form = visit.form
    url, about = fields.required(form, "url"), fields.text(form, "description")
    types, models = fields.words(form, "types"), fields.words(form, "models")
    issued = visit.once(
        lambda registry: registry.create_webhook(url, description=about, types=types, models=models)
    )
    return shown_once(
        visit,
        links.WEBHOOKS,
        title="The secret of the new webhook",
        secret=issued.secret if issued else None,
        says=f"With it, the receiver at {url} verifies that a message is ours.",
        back=links.WEBHOOKS,
    )


@pages.get(links.WEBHOOK)
@requires(Permission.AUDIT)
def admin_webhook(visit: Visit, webhook_id: str) -> Response:
    """Show a webhook and its deliveries with each attempt, the newest first."""
    registry, number = visit.registry, _id(webhook_id)
    before, state = key_before(visit.query), _state(visit.query.get("state"))
    webhook = registry.webhook(number)
    found = listed(
        lambda limit: registry.deliveries(number, limit=limit, before=before, state=state),
        lambda each: each.seq,
    )
    return admin_page(
        visit,
        "webhook.html",
        links.WEBHOOKS,
        webhook=webhook,
        deliveries=found,
        state=state,
        states=[*DeliveryState],
    )


@pages.post(links.REDELIVER, again=admin_webhook)
@requires(Permission.CONFIGURE)
def redeliver(visit: Visit, webhook_id: str) -> Response:
    """Send a delivery again."""
    number, seq = _id(webhook_id), fields.number(visit.form, "seq")
    return visit.act(lambda registry: registry.redeliver(number, seq), then=_page(visit, number))


@pages.post(links.TEST_WEBHOOK, again=admin_webhook)
@requires(Permission.CONFIGURE)
def test_webhook(visit: Visit, webhook_id: str) -> Response:
    """Send a message for a test, and show what the receiver answered."""
    number = _id(webhook_id)
    attempt = visit.registry.test_webhook(number)
    return admin_page(
        visit,
        "tested.html",
        links.WEBHOOKS,
        webhook=visit.registry.webhook(number),
        attempt=attempt,
    )


@pages.post(links.PAUSE_WEBHOOK, again=admin_webhook)
@requires(Permission.CONFIGURE)
def pause_webhook(visit: Visit, webhook_id: str) -> Response:
    """Pause a webhook, or let it go on."""
    number, active = _id(webhook_id), fields.required(visit.form, "active") == "yes"
    return visit.act(
        lambda registry: registry.update_webhook(number, active=active), then=_page(visit, number)
    )


@pages.post(links.ROTATE_WEBHOOK, again=admin_webhook)
@requires(Permission.CONFIGURE)
def rotate_webhook(visit: Visit, webhook_id: str) -> Response:
    """Give a webhook a new secret, and show it once."""
    number = _id(webhook_id)
    is_mlflow = visit.registry.webhook(number).form is WebhookForm.MLFLOW
    former = "Receivers need it from now on." if is_mlflow else _BOTH_SIGN
    issued = visit.once(lambda registry: registry.rotate_webhook_secret(number))
    return shown_once(
        visit,
        links.WEBHOOKS,
        title="The new secret of the webhook",
        secret=issued.secret if issued else None,
        says=former,
        back=links.WEBHOOKS,
    )


@pages.post(links.DELETE_WEBHOOK, again=admin_webhook)
@requires(Permission.CONFIGURE)
def delete_webhook(visit: Visit, webhook_id: str) -> Response:
    """Delete a webhook with its pending deliveries and its log."""
    number = _id(webhook_id)
    return visit.act(
        lambda registry: registry.delete_webhook(number), then=visit.links.to(links.WEBHOOKS)
    )


def _id(given: str) -> int:
    """Return the number of a webhook in a path.

    Raises:
        WebhookNotFoundError: It is not a number.
    """
    if not (given.isascii() and given.isdigit() and len(given) <= 18):
        raise WebhookNotFoundError(
            "no such webhook exists",
            field="webhook_id",
            value=given,
            remedy="The page Admin, Webhooks lists them",
        )
    return int(given)


def _state(given: str | None) -> DeliveryState | None:
    """Return the state to which a list is limited; None for all.

    Raises:
        InvalidInputError: It is not one.
    """
    if not given:
        return None
    try:
        return DeliveryState(given)
    except ValueError:
        raise InvalidInputError(
            "is not a state of a delivery",
            field="state",
            value=given,
            remedy=f"Choose one of {', '.join(DeliveryState)}",
        ) from None


def _page(visit: Visit, number: int) -> str:
    return visit.links.to(links.WEBHOOK, webhook_id=number)
