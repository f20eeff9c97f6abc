"""``pedigree stale | unmaterialized | retrain | export``: a version and the asset graph."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from pedigree.cli._input import JsonFlag, LimitOption, ReferenceArgument
from pedigree.cli._session import open_registry

if TYPE_CHECKING:
    from pedigree.catalog.exports import ExportFormat
    from pedigree.catalog.training_records import RetrainRequest
    from pedigree.lineage.staleness import Staleness

PANEL = "Look up"


def add_to(app: typer.Typer) -> None:
    """Add this group's commands."""
    app.command("stale", rich_help_panel=PANEL)(stale)
    app.command("unmaterialized", rich_help_panel=PANEL)(unmaterialized)
    app.command("retrain", rich_help_panel=PANEL)(retrain)
    app.command("export", rich_help_panel=PANEL)(export)


def stale(reference: ReferenceArgument, as_json: JsonFlag = False) -> None:
    """Say how many data and code versions a version is behind, by input and partition."""
    from pedigree.cli._output import print_json

    with open_registry() as registry:
        version = registry.get(reference)
        found = registry.stale(version.reference)
    if as_json:
        behind = {"data_behind": found.data_behind, "code_behind": found.code_behind}
        print_json({**found.model_dump(mode="json"), "stale": found.stale, **behind})
    else:
        _show(version.reference, found)


def unmaterialized(
    reference: Annotated[
        str | None,
        typer.Argument(metavar="[REF]", help="Only of this version.", show_default=False),
    ] = None,
    limit: LimitOption = 1000,
    as_json: JsonFlag = False,
) -> None:
    """List versions that no asset graph shows, their Dagster instance being out of reach."""
    from pedigree.cli._output import out, print_json, table, when

    with open_registry() as registry:
        found = registry.unmaterialized(reference, limit=limit)
    if as_json:
        print_json(found)
        return
    rows = [
        (each.reference, when(each.since), each.run_id, each.instance_id, when(each.seen_at))
        for each in found
    ]
    out.print(table(("version", "registered", "run", "instance", "seen last"), rows))


def retrain(reference: ReferenceArgument, as_json: JsonFlag = False) -> None:
    """Print the command that trains again as a version was trained, on the data of today."""
    from pedigree.cli._output import print_json

    with open_registry() as registry:
        request = registry.retrain_like(reference)
    command = _launch(request)
    if as_json:
        print_json({**request.model_dump(mode="json"), "command": command})
    else:
        print(command)


def export(
    reference: ReferenceArgument,
    form: Annotated[
        str, typer.Option("--format", metavar="FORMAT", help="openlineage or prov (W3C PROV-JSON).")
    ] = "openlineage",
    output: Annotated[
        Path | None, typer.Option("--output", metavar="FILE", help="Write it here instead.")
    ] = None,
) -> None:
    """Print a version's lineage in the words of another tool, as JSON."""
    format_: ExportFormat = form  # type: ignore[assignment]  # the verb refuses any other
    with open_registry() as registry:
        document = registry.export_lineage(reference, format_)
    if output is None:
        print(document)
    else:
        output.write_text(document, encoding="utf-8")


def _show(reference: str, found: "Staleness") -> None:
    from pedigree.cli._output import out, short_digest, table, when

    if not found.known:
        out.print("Not known: no asset graph is within reach, and nobody has looked before.")
        return
    for reason in _reasons(found):
        out.print(reason, markup=False, soft_wrap=True)
    seen = f", as seen at {when(found.seen_at)}" if found.seen_at else ""
    out.print(
        f"{reference} is {found.data_behind} data versions and {found.code_behind} code versions"
        f" behind{seen}.",
        markup=False,
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
        out.print(table(columns, rows))
    if found.newer_code:
        out.print(f"Trained since by: {', '.join(found.newer_code)}", markup=False)


def _reasons(found: "Staleness") -> Iterator[str]:
    """Say why it is not known whether a version is stale, where that is so."""
    if found.stale is None:
        yield "It is not known whether it is stale."
    for one in found.unclear:
        partitions = f" [{one.partitions} partitions]" if one.partitions else ""
        where = "" if one.in_graph or one.certainty.value == "unknown" else ", in no asset graph"
        yield f"{one.asset}{partitions}: {one.certainty}{where}"
    if not found.complete:
        yield "There may be inputs that are not recorded."


def _launch(request: "RetrainRequest") -> str:
    import shlex

    words = ["dg", "launch", "--assets", f"key:{json.dumps(request.asset)}"]
    if request.partition is not None:
        words += ["--partition", request.partition]
    if request.config and request.step_key:
        config = {"ops": {request.step_key: {"config": request.config}}}
        words += ["--config-json", json.dumps(config)]
    return shlex.join(words)
