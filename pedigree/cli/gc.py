"""``pedigree gc``: plan which bytes to remove or move, and do it."""

import json
from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated

import typer

from pedigree.cli._input import JsonFlag
from pedigree.cli._output import respond, size_text, when
from pedigree.cli._session import open_registry
from pedigree.errors import PlanChangedError

if TYPE_CHECKING:
    from pedigree.maintenance.gc_plan import Plan
    from pedigree.maintenance.gc_records import Collection, PlannedItem


def add_to(app: typer.Typer) -> None:
    """Add this group's commands."""
    app.command("gc", rich_help_panel="Operate")(gc)


def gc(
    apply: Annotated[bool, typer.Option("--apply", help="Carry out the plan.")] = False,
    plan: Annotated[
        str | None,
        typer.Option("--plan", metavar="DIGEST", help="Refuse if the plan has changed."),
    ] = None,
    as_json: JsonFlag = False,
) -> None:
    """Show which bytes to remove or move to another tier, and why; with --apply, do exactly that.

    Safe at any time, also during registrations: bytes that a version refers to stay untouched.
    """
    with open_registry() as registry, registry.plan_gc() as made:
        _require(made, plan)
        if not apply:
            if as_json:
                _print_document(made)
            else:
                respond(made, as_json, lambda: _plan_view(made))
            return
        done = registry.gc(made)
    _show_done(done, as_json)


def _require(made: "Plan", wanted: str | None) -> None:
    if wanted is not None and wanted != made.digest:
        raise PlanChangedError(
            f"the plan is {made.digest} now",
            field="--plan",
            value=wanted,
            remedy="Run `pedigree gc` again to see it",
        )


def _print_document(made: "Plan") -> None:
    """Print the plan as one JSON document, item by item: it may not fit into memory."""
    counts = {kind: count.model_dump() for kind, count in made.counts.items()}
    print(f'{{"digest": "{made.digest}",\n "counts": {json.dumps(counts)},\n "items": [')
    separator = ""
    for item in made:
        print(separator + item.model_dump_json(), end="")
        separator = ",\n"
    print('],\n "next": null}')


def _plan_view(made: "Plan") -> Iterator[object]:
    for item in made:
        if sentence := _sentence(item):
            yield sentence
    words = {
        "version": "versions to collect",
        "blob": "objects to remove",
        "tier": "versions to change their tier",
        "move": "objects to move",
        "upload": "dead uploads",
        "key": "keys to clear",
    }
    for kind, count in made.counts.items():
        if kind in words:
            size = f", {size_text(count.bytes)}" if count.bytes else ""
            yield f"{count.items} {words[kind]}{size}"
    if made.counts:
        yield f"To do it: pedigree gc --apply --plan {made.digest}"
    else:
        yield "There is nothing to collect."


def _sentence(item: "PlannedItem") -> str | None:
    """Return what happens to an item and why; None if it follows from another item."""
    match item.kind:
        case "version":
            return (
                f"{item.subject}  deleted {when(item.deleted_at)}, its window is over: "
                f"{item.objects} objects, {size_text(item.bytes)} go"
            )
        case "blob" if item.because_of is None:
            return f"{item.digest}  nothing refers to it: {size_text(item.bytes)} go"
        case "tier":
            return f"{item.subject}  to {item.tier.value}: {item.why}"
        case "move":
            return f"{item.digest}  {size_text(item.bytes)} move to {item.tier.value}"
        case "upload":
            return f"upload {item.upload_id}  its process sends no heartbeat"
        case _:
            return None


def _show_done(done: "Collection", as_json: bool) -> None:
    def view() -> Iterator[object]:
        removed, collected = done.done.get("blob"), done.done.get("version")
        yield (
            f"Collected {collected.items if collected else 0} versions; removed "
            f"{removed.items if removed else 0} objects, "
            f"{size_text(removed.bytes if removed else 0)}."
        )
        for kind in ("tier", "move", "upload", "key"):
            if kind in done.done:
                yield f"{done.done[kind].items} of kind {kind} done."
        for kind, count in done.left.items():
            yield (
                f"{count} of kind {kind} left: needed again, done by another process, or failed."
            )
        for failed in done.failed:
            yield f"{failed.subject} failed: {failed.problem}"

    respond(done, as_json, view)
