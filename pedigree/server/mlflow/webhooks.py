"""Webhooks, as MLflow's clients create, read, change, delete and test them."""

import re

from starlette.concurrency import run_in_threadpool

from pedigree._record import UNCHANGED
from pedigree.access.records import Permission
from pedigree.catalog.mlflow_search.page_tokens import read_token, write_token
from pedigree.delivery.mlflow_kinds import MlflowKind
from pedigree.delivery.mlflow_webhooks import NewMlflowWebhook
from pedigree.delivery.records import Webhook
from pedigree.delivery.webhooks import no_webhook
from pedigree.server.http.auth import requires
from pedigree.server.mlflow.routes import MlflowCall, MlflowRoutes
from pedigree.server.mlflow.webhook_records import (
    PAGE,
    ChangedWebhookRequest,
    ListedWebhooksRequest,
    ManyWebhooks,
    MlflowEvent,
    NewWebhookRequest,
    OneTestResult,
    OneWebhook,
    TriedWebhookRequest,
    WebhookAnswer,
    WebhookStatus,
)

routes = MlflowRoutes()

# What page tokens are bound to.
_TOKENS = "webhooks"
_ID = re.compile(r"[0-9]{1,18}")


@routes.post("webhooks")
@requires(Permission.CONFIGURE)
def create_webhook(call: MlflowCall, asked: NewWebhookRequest) -> OneWebhook:
    """Create a webhook."""
    new = NewMlflowWebhook(
        name=asked.name,
        url=asked.url,
        events=_kinds(asked.events),
        description=asked.description or None,
        secret=asked.secret or None,
        active=asked.status is not WebhookStatus.DISABLED,
    )
    return _one(call.registry.operations.mlflow_webhooks.create(new))


@routes.get("webhooks")
@requires(Permission.AUDIT)
def list_webhooks(call: MlflowCall, asked: ListedWebhooksRequest) -> ManyWebhooks:
    """List the webhooks, the newest first."""
    limit = asked.max_results or PAGE
    before = read_token(asked.page_token, _TOKENS, [int])[0] if asked.page_token else None
    found = call.registry.operations.mlflow_webhooks.page(
        limit=limit + 1, before=before if isinstance(before, int) else None
    )
    shown = tuple(found[:limit])
    has_more = found.is_cut or len(found) > limit
    return ManyWebhooks(
        webhooks=tuple(map(WebhookAnswer.of, shown)) or None,
        next_page_token=write_token((shown[-1].webhook_id,), _TOKENS) if has_more else None,
    )


@routes.get("webhooks/{webhook_id}")
@requires(Permission.AUDIT)
def get_webhook(call: MlflowCall, webhook_id: str) -> OneWebhook:
    """Return a webhook."""
    return _one(call.registry.operations.mlflow_webhooks.find(_number(webhook_id)))


@routes.patch("webhooks/{webhook_id}")
@requires(Permission.CONFIGURE)
def update_webhook(call: MlflowCall, asked: ChangedWebhookRequest, webhook_id: str) -> OneWebhook:
    """Change a webhook; what is not given stays."""
    changed = call.registry.operations.mlflow_webhooks.change(
        _number(webhook_id),
        name=asked.name or UNCHANGED,
        url=asked.url or UNCHANGED,
        description=UNCHANGED if asked.description is None else asked.description or None,
        events=_kinds(asked.events) or UNCHANGED,
        secret=UNCHANGED if asked.secret is None else asked.secret or None,
        active=UNCHANGED if asked.status is None else asked.status is WebhookStatus.ACTIVE,
    )
    return _one(changed)


@routes.delete("webhooks/{webhook_id}")
@requires(Permission.CONFIGURE)
def delete_webhook(call: MlflowCall, webhook_id: str) -> None:
    """Delete a webhook with its pending deliveries and its log."""
    call.registry.operations.mlflow_webhooks.remove(_number(webhook_id))


@routes.post("webhooks/{webhook_id}/test")
@requires(Permission.CONFIGURE)
async def test_webhook(
    call: MlflowCall, asked: TriedWebhookRequest, webhook_id: str
) -> OneTestResult:
    """Send an example of a message, and return what became of it."""
    kind = asked.event.kind if asked.event else None
    tests = call.registry.operations.mlflow_webhooks
    # Not in the threads of reads, since the receiver may take long.
    return OneTestResult.of(await run_in_threadpool(tests.test, _number(webhook_id), kind))


def _one(webhook: Webhook) -> OneWebhook:
    return OneWebhook(webhook=WebhookAnswer.of(webhook))


def _kinds(events: tuple[MlflowEvent, ...]) -> tuple[MlflowKind, ...]:
    """Return each kind once, in the order of the request."""
    return tuple(dict.fromkeys(each.kind for each in events))


def _number(webhook_id: str) -> int:
    """Return the number of a webhook.

    Raises:
        WebhookNotFoundError: It is not one.
    """
    if not _ID.fullmatch(webhook_id):
        raise no_webhook(webhook_id)
    return int(webhook_id)
