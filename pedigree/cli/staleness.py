"""``pedigree stale``: how far a version is behind its data and its code."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

import typer

from pedigree.cli._input import JsonFlag, ReferenceArgument
from pedigree.cli._output import respond, short_digest, table, when
from pedigree.cli._session import open_registry

if TYPE_CHECKING:
    from pedigree.lineage.staleness import Staleness


def add_to(app: typer.Typer) -> None:
    """Add this group's commands."""
    app.command("stale", rich_help_panel="Look up")(stale)


def stale(reference: ReferenceArgument, as_json: JsonFlag = False) -> None:
    """Show how many data and code versions a version is behind, by input and partition."""
    with open_registry() as registry:
        version = registry.get(reference)
        found = registry.stale(version.reference)
    behind = {"data_behind": found.data_behind, "code_behind": found.code_behind}
    respond(
        {**found.model_dump(mode="json"), "stale": found.stale, **behind},
        as_json,
        lambda: _view(version.reference, found),
    )


def _view(reference: str, found: "Staleness") -> Iterator[object]:
    if not found.known:
        yield "Not known: no asset graph is reachable, and none was seen before."
        return
    yield from _reasons(found)
    seen = f", as seen at {when(found.seen_at)}" if found.seen_at else ""
    yield (
        f"{reference} is {found.data_behind} data versions and {found.code_behind} code versions"
        f" behind{seen}."
    )
    rows = [
        (
            one.asset,
            one.partition or "",
            short_digest(one.trained_on or "—"),
            short_digest(one.now) if one.now else "gone",
            str(one.data_behind),
            str(one.code_behind),
            one.certainty.value,
        )
        for one in found.inputs
    ]
    if rows:
        columns = (
            "input",
            "partition",
            "trained on",
            "now",
            "data behind#",
            "code behind#",
            "certainty",
        )
        yield table(columns, rows)
    if found.newer_code:
        yield f"Trained since by: {', '.join(found.newer_code)}"


def _reasons(found: "Staleness") -> Iterator[str]:
    """Yield why it is not known whether a version is stale, if so."""
    if found.stale is None:
        yield "It is not known whether it is stale."
    for one in found.unclear:
        partitions = f" [{one.partitions} partitions]" if one.partitions else ""
        where = "" if one.in_graph or one.certainty.value == "unknown" else ", in no asset graph"
        yield f"{one.asset}{partitions}: {one.certainty}{where}"
    if not found.complete:
        yield "There may be inputs that are not recorded."
