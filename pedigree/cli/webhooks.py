"""``pedigree webhook …``: the receivers of events, and the deliveries to them."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated

import typer

from pedigree.cli._changes import UnsetOption, changes
from pedigree.cli._input import JsonFlag, LimitOption, read_length
from pedigree.cli._lists import Listing, page_of, respond_list
from pedigree.cli._output import respond, table, when
from pedigree.cli._session import open_registry
from pedigree.errors import InvalidInputError

if TYPE_CHECKING:
    from pedigree.delivery.records import Attempt, Delivery, DeliveryState, IssuedWebhook, Webhook

_PAGE = 1000

IdArgument = Annotated[
    int, typer.Argument(metavar="ID", help="`webhook list` shows it.", show_default=False)
]
SeqArgument = Annotated[
    int, typer.Argument(metavar="SEQ", help="The event's place in the feed.", show_default=False)
]
TypeOption = Annotated[
    list[str] | None,
    typer.Option("--type", help="Only events of this type, or like version.*; repeatable."),
]
ModelOption = Annotated[
    list[str] | None,
    typer.Option("--model", help="Only this model, or models like churn*; repeatable."),
]
DescriptionOption = Annotated[str | None, typer.Option("--description", help="What it is for.")]

_COLUMNS = ("id#", "name", "form", "url", "types", "models", "active")


def add_to(app: typer.Typer) -> None:
    """Add this group's commands."""
    group = typer.Typer(help="Send events by HTTP.", no_args_is_help=True)
    group.command("create")(create)
    group.command("list")(list_webhooks)
    group.command("show")(show)
    group.command("update")(update)
    group.command("rotate")(rotate)
    group.command("delete")(delete)
    group.command("test")(try_out)
    group.command("deliveries")(deliveries)
    group.command("delivery")(delivery)
    group.command("redeliver")(redeliver)
    app.add_typer(group, name="webhook", rich_help_panel="Operate")


def create(
    url: Annotated[
        str, typer.Argument(help="The URL that receives the events.", show_default=False)
    ],
    kind: TypeOption = None,
    model: ModelOption = None,
    description: DescriptionOption = None,
    as_json: JsonFlag = False,
) -> None:
    """Create a webhook and show its secret, once."""
    with open_registry() as registry:
        issued = registry.create_webhook(
            url, description=description, types=kind or (), models=model or ()
        )
    _show_secret(issued, as_json)


def list_webhooks(
    limit: LimitOption = _PAGE,
    after: Annotated[int, typer.Option(help="The last id of the previous page.")] = 0,
    as_json: JsonFlag = False,
) -> None:
    """List webhooks, without secrets."""
    with open_registry() as registry:
        found: Listing[Webhook] = page_of(
            lambda most: registry.webhooks(limit=most, after=after),
            limit,
            lambda one: one.webhook_id,
        )
    respond_list(found, as_json, lambda: table(_COLUMNS, map(_row, found.items)))


def show(webhook_id: IdArgument, as_json: JsonFlag = False) -> None:
    """Show a webhook, without its secret."""
    with open_registry() as registry:
        found = registry.webhook(webhook_id)
    respond(found, as_json, lambda: table(_COLUMNS, [_row(found)]))


def _row(webhook: "Webhook") -> tuple[str, ...]:
    return (
        str(webhook.webhook_id),
        webhook.name or "",
        webhook.form,
        webhook.url,
        ", ".join(webhook.events or webhook.types) or "all",
        ", ".join(webhook.models) or "all",
        "yes" if webhook.active else "no",
    )


def update(
    webhook_id: IdArgument,
    url: Annotated[str | None, typer.Option("--url", help="The new URL.")] = None,
    kind: TypeOption = None,
    model: ModelOption = None,
    description: DescriptionOption = None,
    active: Annotated[
        bool | None, typer.Option("--active/--inactive", help="Send events, or hold them back.")
    ] = None,
    unset: UnsetOption = None,
    as_json: JsonFlag = False,
) -> None:
    """Replace what is given; events wait while a webhook is inactive."""
    changed = changes(
        unset,
        ("description", "types", "models"),
        url=url,
        description=description,
        types=kind,
        models=model,
        active=active,
    )
    with open_registry() as registry:
        webhook = registry.update_webhook(webhook_id, **changed)

    def view() -> object:
        state = "active" if webhook.active else "inactive"
        return f"Webhook {webhook_id} to {webhook.url} is {state}."

    respond(webhook, as_json, view)


def rotate(
    webhook_id: IdArgument,
    keep: Annotated[
        str, typer.Option("--keep", help="How long the old secret also signs: 1d, 12h, 0.")
    ] = "1d",
    as_json: JsonFlag = False,
) -> None:
    """Replace a webhook's secret and show the new one, once."""
    length = read_length("--keep", keep)
    with open_registry() as registry:
        issued = registry.rotate_webhook_secret(webhook_id, keep=length)
    _show_secret(issued, as_json)


def delete(webhook_id: IdArgument, as_json: JsonFlag = False) -> None:
    """Delete a webhook with its pending deliveries and its log."""
    with open_registry() as registry:
        registry.delete_webhook(webhook_id)
    respond({"deleted": webhook_id}, as_json, lambda: f"Webhook {webhook_id} is deleted.")


def try_out(webhook_id: IdArgument, as_json: JsonFlag = False) -> None:
    """Send a test message; the exit code is 1 if it does not arrive."""
    with open_registry() as registry:
        attempt: Attempt = registry.test_webhook(webhook_id)
    respond(attempt, as_json, lambda: f"{_outcome(attempt)} after {attempt.duration_ms} ms")
    if not attempt.succeeded:
        raise typer.Exit(1)


def deliveries(
    webhook_id: IdArgument,
    state: Annotated[
        str | None, typer.Option("--state", help="Only this state: pending, delivered or dead.")
    ] = None,
    limit: LimitOption = 100,
    before: Annotated[int | None, typer.Option(help="The last seq of the previous page.")] = None,
    as_json: JsonFlag = False,
) -> None:
    """List the deliveries of a webhook, newest first."""
    wanted = _state(state)
    with open_registry() as registry:
        found: Listing[Delivery] = page_of(
            lambda most: registry.deliveries(webhook_id, limit=most, before=before, state=wanted),
            limit,
            lambda one: one.seq,
            "--before",
        )

    def view() -> object:
        rows = (
            (
                str(one.seq),
                one.type,
                one.model or "",
                one.state,
                str(len(one.attempts)),
                _outcome(one.attempts[-1]) if one.attempts else "",
                when(one.due_at),
            )
            for one in found.items
        )
        return table(("seq#", "type", "model", "state", "tries#", "last", "due"), rows)

    respond_list(found, as_json, view)


def delivery(webhook_id: IdArgument, seq: SeqArgument, as_json: JsonFlag = False) -> None:
    """Show the delivery of one event to a webhook, with every attempt."""
    with open_registry() as registry:
        found = registry.delivery(webhook_id, seq)

    def view() -> Iterator[object]:
        yield f"Event {seq} of type {found.type} is {found.state}."
        rows = ((when(one.at), f"{one.duration_ms} ms", _outcome(one)) for one in found.attempts)
        yield table(("at", "took", "came to"), rows)

    respond(found, as_json, view)


def redeliver(webhook_id: IdArgument, seq: SeqArgument, as_json: JsonFlag = False) -> None:
    """Restart a delivery, also one that is delivered or dead."""
    with open_registry() as registry:
        delivery = registry.redeliver(webhook_id, seq)
    respond(
        delivery,
        as_json,
        lambda: f"Event {seq} is {delivery.state} again for webhook {webhook_id}.",
    )


def _show_secret(issued: "IssuedWebhook", as_json: bool) -> None:
    def view() -> Iterator[object]:
        yield issued.secret
        yield f"Webhook {issued.webhook.webhook_id}. Keep the secret: it is not shown again."

    respond(issued, as_json, view)


def _outcome(attempt: "Attempt") -> str:
    return attempt.error or f"answered {attempt.status}"


def _state(word: str | None) -> "DeliveryState | None":
    from pedigree.delivery.records import DeliveryState

    if word is None:
        return None
    try:
        return DeliveryState(word)
    except ValueError as error:
        raise InvalidInputError(
            "is not a delivery state",
            field="--state",
            value=word,
            remedy=f"Choose one of {', '.join(DeliveryState)}",
        ) from error
