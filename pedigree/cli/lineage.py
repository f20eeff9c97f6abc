"""``pedigree lineage | pull | load-snippet``: where a version comes from, and how to get it."""

from collections import defaultdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from pedigree.cli._input import JsonFlag, ReferenceArgument
from pedigree.cli._session import open_registry

if TYPE_CHECKING:
    from rich.text import Text
    from rich.tree import Tree

    from pedigree.lineage.records import LineageGraph, LineageNode

PANEL = "Look up"


def add_to(app: typer.Typer) -> None:
    """Add this group's commands."""
    app.command("lineage", rich_help_panel=PANEL)(lineage)
    app.command("pull", rich_help_panel=PANEL)(pull)
    app.command("load-snippet", rich_help_panel=PANEL)(load_snippet)


def lineage(reference: ReferenceArgument, as_json: JsonFlag = False) -> None:
    """Show the exact data a version was trained on."""
    from pedigree.cli._output import out, print_json

    with open_registry() as registry:
        version = registry.get(reference)
        graph = registry.lineage(version.reference)
        staleness = registry.stale(version.reference)
    if as_json:
        document = {**graph.model_dump(mode="json"), "staleness": staleness}
        print_json({"reference": version.reference, **document})
        return
    stale = {(one.asset, one.partition) for one in staleness.inputs}
    out.print(_tree(graph, version.reference, stale))
    if graph.raced:
        out.print("[red]An input changed while the training was running.[/]")
    if not staleness.known:
        out.print("[dim]Whether its data moved on is not known: no asset graph is within reach.[/]")


def _tree(graph: "LineageGraph", reference: str, stale: "set[tuple[str, str | None]]") -> "Tree":
    from rich.text import Text
    from rich.tree import Tree

    nodes = {node.node_id: node for node in graph.nodes}
    sources: defaultdict[int, list[tuple[int, str]]] = defaultdict(list)
    for edge in graph.edges:
        sources[edge.consumer].append((edge.source, edge.capture.value))
    shown: set[int] = set()

    def grow(parent: "Tree", consumer: int) -> None:
        for source, capture in sources[consumer]:
            node = nodes[source]
            branch = parent.add(_node_text(node, capture, (node.asset, node.partition) in stale))
            if source not in shown:  # a source of several consumers is followed once
                shown.add(source)
                grow(branch, source)

    root = Tree(Text(reference, style="bold"))
    for node in graph.nodes:
        if node.kind.value == "step":
            by = f"trained by {node.asset}, run {(node.run_id or '?')[:8]}"
            grow(root.add(Text(by)), node.node_id)
    return root


def _node_text(node: "LineageNode", capture: str, is_stale: bool) -> "Text":
    from rich.text import Text

    from pedigree.cli._output import short_digest

    text = Text(node.asset)
    if node.partition:
        text.append(f" [{node.partition}]", style="cyan")
    if node.data_version:
        text.append(f"  {short_digest(node.data_version)}", style="magenta")
    text.append(f"  {capture}", style="dim")
    if node.kind.value in ("missing", "external", "observation"):
        text.append(f"  {node.kind.value}", style="yellow")
    if is_stale:
        text.append("  stale: newer data is there", style="bold yellow")
    return text


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


def load_snippet(reference: ReferenceArgument, as_json: JsonFlag = False) -> None:
    """Print the Python lines that load a version."""
    from pedigree.cli._output import print_json

    with open_registry() as registry:
        version = registry.get(reference)
    text = snippet(version.reference, version.digest)
    if as_json:
        print_json({"reference": version.reference, "digest": version.digest, "snippet": text})
    else:
        print(text)


def snippet(reference: str, digest: str) -> str:
    """Return the lines that load exactly one version, whatever its aliases do later."""
    return (
        "from pedigree import Registry\n\n"
        "with Registry.connect() as registry:\n"
        f"    model = registry.load({reference!r})  # {digest}"
    )
