"""``pedigree events``: the feed of all events, in order."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated

import typer

from pedigree.cli._input import JsonFlag
from pedigree.cli._lists import page_of, respond_list
from pedigree.cli._session import open_registry
from pedigree.errors import InvalidInputError

if TYPE_CHECKING:
    from pedigree.audit.event_types import EventType


def add_to(app: typer.Typer) -> None:
    """Add this group's commands."""
    app.command("events", rich_help_panel="Look up")(events)


def events(
    after: Annotated[int, typer.Option(min=0, help="Only events after this seq.")] = 0,
    limit: Annotated[int, typer.Option(min=1, max=10_000, help="At most this many.")] = 1000,
    kind: Annotated[
        list[str] | None,
        typer.Option("--type", help="Such as version.stage_changed; repeatable."),
    ] = None,
    model: Annotated[
        str | None, typer.Option("--model", help="Only events of this model.", show_default=False)
    ] = None,
    as_json: JsonFlag = False,
) -> None:
    """List the registry's events, oldest first."""
    types = tuple(map(_event_type, kind)) if kind else None
    with open_registry() as registry:
        found = page_of(
            lambda most: registry.events(after, most, types=types, model=model),
            limit,
            lambda one: one.seq,
        )

    def view() -> Iterator[object]:
        for event in found.items:
            yield f"{event.seq:>6}  {event}"

    respond_list(found, as_json, view)


def _event_type(word: str) -> "EventType":
    from pedigree.audit.event_types import EventType

    try:
        return EventType(word)
    except ValueError as error:
        raise InvalidInputError(
            "is not an event type",
            field="--type",
            value=word,
            remedy=f"Choose one of {', '.join(EventType)}",
        ) from error
