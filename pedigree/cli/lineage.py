"""``pedigree lineage | pull | snippets``: where a version comes from, and how to get it."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from pedigree.cli._input import JsonFlag, ReferenceArgument
from pedigree.cli._session import open_registry
from pedigree.errors import InvalidInputError

if TYPE_CHECKING:
    from pedigree.catalog.snippets import Snippets

PANEL = "Look up"


def add_to(app: typer.Typer) -> None:
    """Add this group's commands."""
    app.command("lineage", rich_help_panel=PANEL)(lineage)
    app.command("pull", rich_help_panel=PANEL)(pull)
    app.command("snippets", rich_help_panel=PANEL)(snippets)


def lineage(
    reference: ReferenceArgument,
    newest: Annotated[
        bool, typer.Option("--newest", help="The newest training instead of the first.")
    ] = False,
    as_json: JsonFlag = False,
) -> None:
    """Show the exact data a version was trained on, and how certain each step of it is."""
    from pedigree.cli._lineage_tree import lineage_tree, not_known
    from pedigree.cli._output import out, print_json

    with open_registry() as registry:
        version = registry.get(reference)
        graph = registry.lineage(version.reference, newest=newest)
        staleness = registry.stale(version.reference)
    if as_json:
        document = {**graph.model_dump(mode="json"), "staleness": staleness}
        print_json({"reference": version.reference, **document})
        return
    stale = {(one.asset, one.partition) for one in staleness.inputs}
    out.print(lineage_tree(graph, version.reference, stale))
    if unknown := not_known(graph.not_ruled_out(), recorded=bool(graph.nodes)):
        out.print(unknown, style="red", markup=False, soft_wrap=True)
    if graph.raced:
        out.print("[red]An input changed while the training was running.[/]")
    if not staleness.known:
        out.print("[dim]Whether its data moved on is not known: no asset graph is within reach.[/]")


def pull(
    reference: ReferenceArgument,
    destination: Annotated[Path, typer.Argument(metavar="DEST", help="A folder.")],
    as_json: JsonFlag = False,
) -> None:
    """Download a version's files, verified; again after an interruption, the rest of them."""
    from pedigree.cli._output import out, print_json, size_text
    from pedigree.cli._progress import transfer_bar

    with open_registry() as registry:
        version = registry.get(reference)
        with transfer_bar(version.reference, as_json) as progress:
            manifest = registry.pull(version.reference, destination, progress=progress)
    if as_json:
        print_json(
            {
                "reference": version.reference,
                "digest": manifest.digest,
                "destination": str(destination.absolute()),
                "manifest": manifest,
            }
        )
        return
    files = "1 file" if len(manifest.files) == 1 else f"{len(manifest.files)} files"
    out.print(
        f"{version.reference}: {files}, {size_text(manifest.size)}, verified, in {destination}",
        markup=False,
        soft_wrap=True,
    )


def snippets(
    reference: ReferenceArgument,
    language: Annotated[
        str | None,
        typer.Option("--language", help="Only these lines: python, cli, curl or dagster."),
    ] = None,
    purpose: Annotated[
        str, typer.Option("--for", help="With --language: to load it, or to serve it.")
    ] = "load",
    as_json: JsonFlag = False,
) -> None:
    """Print the lines that load a version, and that serve it."""
    from pedigree.cli._output import out, print_json

    with open_registry() as registry:
        found = registry.snippets(reference)
    if language is not None:
        found = _only(found, f"{purpose} {language}")
    if as_json:
        print_json(found)
        return
    for one in found.snippets:
        if language is None:
            out.print(f"# To {one.purpose} it: {one.language}", style="bold", markup=False)
        print(one.text)


def _only(found: "Snippets", wanted: str) -> "Snippets":
    lines = {f"{one.purpose} {one.language}": one for one in found.snippets}
    if wanted not in lines:
        raise InvalidInputError(
            f"there are no such lines for {found.reference}",
            field="--language",
            value=wanted,
            remedy=f"There are: {', '.join(lines)}",
        )
    return found.model_copy(update={"snippets": (lines[wanted],)})
