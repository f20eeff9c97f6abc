"""``pedigree lineage | upstream | downstream …``: what a version depends on, what depends on it."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.text import Text

from pedigree.cli._input import JsonFlag, LimitOption, ReferenceArgument, write_text
from pedigree.cli._lineage_tree import lineage_tree, not_known
from pedigree.cli._lineage_view import difference_view, state_rows, trained_on_it, usage_row
from pedigree.cli._lists import Listing, page_of, respond_list
from pedigree.cli._output import Raw, respond, table, when
from pedigree.cli._session import open_registry

if TYPE_CHECKING:
    from pedigree.catalog.exports import ExportFormat
    from pedigree.catalog.training_records import RetrainRequest

RACED = Text("An input changed while the training was running.", style="red")


def add_to(app: typer.Typer) -> None:
    """Add this group's commands."""
    for name, command in (
        ("lineage", lineage),
        ("upstream", upstream),
        ("downstream", downstream),
        ("diff", diff),
        ("unmaterialized", unmaterialized),
        ("retrain", retrain),
    ):
        app.command(name, rich_help_panel="Look up")(command)


def lineage(
    reference: ReferenceArgument,
    newest: Annotated[
        bool, typer.Option("--newest", help="Of its newest training instead of its first.")
    ] = False,
    as_json: JsonFlag = False,
) -> None:
    """Show the exact data a version was trained on, and how certain each step is."""
    with open_registry() as registry:
        version = registry.get(reference)
        graph = registry.lineage(version.reference, newest=newest)
        staleness = registry.stale(version.reference)

    def view() -> Iterator[object]:
        stale = {(one.asset, one.partition) for one in staleness.inputs}
        yield lineage_tree(graph, version.reference, stale)
        if unknown := not_known(graph.not_ruled_out(), recorded=bool(graph.nodes)):
            yield Text(unknown, style="red")
        if graph.raced:
            yield RACED
        if not staleness.known:
            yield Text(
                "It is not known whether newer data exists: no asset graph is reachable.", "dim"
            )

    document = {**graph.model_dump(mode="json"), "staleness": staleness}
    respond({"reference": version.reference, **document}, as_json, view)


def upstream(
    reference: ReferenceArgument,
    newest: Annotated[
        bool, typer.Option("--newest", help="Of its newest training instead of its first.")
    ] = False,
    as_json: JsonFlag = False,
) -> None:
    """List every asset and partition that a version depends on, down to the sources.

    Many partitions of one asset on which it only possibly depends are one line.
    """
    with open_registry() as registry:
        found = registry.upstream(reference, newest=newest)

    def view() -> Iterator[object]:
        columns = (
            *("asset", "partition", "data version", "code", "certainty", "known by", "run", "at"),
            "not known",
        )
        yield table(columns, state_rows(found.states))
        if unknown := not_known(found.not_ruled_out, recorded=found.recorded):
            yield Text(unknown, style="red")
        if found.raced:
            yield RACED

    respond_list(Listing(items=found.states), as_json, view, found)


def downstream(
    reference: ReferenceArgument,
    limit: LimitOption = 100,
    before: Annotated[
        int | None,
        typer.Option(
            "--before", help="The last usage_id of the previous page.", show_default=False
        ),
    ] = None,
    as_json: JsonFlag = False,
) -> None:
    """List the data written with exactly this version, and the versions trained on it."""
    with open_registry() as registry:
        found = registry.downstream(reference, limit=limit, before=before)
    further = None if found.next is None else str(found.next)
    usages = Listing(items=found.usages, next=further, option="--before")

    def view() -> Iterator[object]:
        columns = ("asset", "partition", "data version", "known by", "run", "loaded", "written")
        yield table(columns, map(usage_row, usages.items))
        yield from trained_on_it(found)

    respond_list(usages, as_json, view, found)


def diff(
    a: Annotated[
        str, typer.Argument(metavar="A", help="NAME/3 or NAME@production.", show_default=False)
    ],
    b: Annotated[
        str, typer.Argument(metavar="B", help="Another, also of another model.", show_default=False)
    ],
    as_json: JsonFlag = False,
) -> None:
    """Show the differences between the data and code of version A and version B."""
    with open_registry() as registry:
        found = registry.diff(a, b)
    respond(
        {**found.model_dump(mode="json"), "same": found.same},
        as_json,
        lambda: difference_view(found),
    )


def unmaterialized(
    reference: Annotated[
        str | None,
        typer.Argument(metavar="[REF]", help="Only this version.", show_default=False),
    ] = None,
    limit: LimitOption = 1000,
    after: Annotated[
        str | None, typer.Option("--after", help="The last training_id of the previous page.")
    ] = None,
    as_json: JsonFlag = False,
) -> None:
    """List versions that no asset graph shows because their Dagster instance is unreachable."""
    with open_registry() as registry:
        found = page_of(
            lambda most: registry.unmaterialized(reference, limit=most, after=after),
            limit,
            lambda one: one.training_id,
        )

    def view() -> object:
        rows = [
            (each.reference, when(each.since), each.run_id, each.instance_id, when(each.seen_at))
            for each in found.items
        ]
        return table(("version", "registered", "run", "instance", "seen last"), rows)

    respond_list(found, as_json, view)


def retrain(reference: ReferenceArgument, as_json: JsonFlag = False) -> None:
    """Print the command that repeats a version's training on the present data."""
    with open_registry() as registry:
        request = registry.retrain_like(reference)
    command = _launch(request)
    respond({**request.model_dump(mode="json"), "command": command}, as_json, lambda: Raw(command))


def export_lineage(
    reference: ReferenceArgument,
    form: Annotated[
        str, typer.Option("--format", metavar="FORMAT", help="openlineage or prov (W3C PROV-JSON).")
    ] = "openlineage",
    output: Annotated[
        Path | None, typer.Option("--output", metavar="FILE", help="Write it to this file.")
    ] = None,
    as_json: JsonFlag = False,
) -> None:
    """Print a version's lineage in the format of another tool, as JSON."""
    format_: ExportFormat = form  # type: ignore[assignment]  # the registry refuses any other
    with open_registry() as registry:
        document = registry.export_lineage(reference, format_)
    if output is None:
        print(document)
    else:
        write_text("--output", output, document)
        written = {"reference": reference, "format": form, "output": str(output)}
        respond(written, as_json, lambda: None)


def _launch(request: "RetrainRequest") -> str:
    import shlex

    words = ["dg", "launch", "--assets", f"key:{json.dumps(request.asset)}"]
    if request.partition is not None:
        words += ["--partition", request.partition]
    if request.config and request.step_key:
        config = {"ops": {request.step_key: {"config": request.config}}}
        words += ["--config-json", json.dumps(config)]
    return shlex.join(words)
