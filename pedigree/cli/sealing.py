"""``pedigree seal``: give a version that has no digest its bytes."""

from pathlib import Path
from typing import Annotated

import typer

from pedigree.cli._input import JsonFlag, ReferenceArgument
from pedigree.cli._output import respond
from pedigree.cli._session import open_registry


def add_to(app: typer.Typer) -> None:
    """Add this group's commands."""
    app.command("seal", rich_help_panel="Change")(seal)


def seal(
    reference: ReferenceArgument,
    path: Annotated[
        Path | None,
        typer.Argument(
            metavar="PATH",
            help="A file or a folder; without it the bytes are fetched from the version's source.",
            show_default=False,
        ),
    ] = None,
    flavor: Annotated[
        str | None,
        typer.Option(help="How to load it, such as sklearn, if the version does not say it."),
    ] = None,
    as_json: JsonFlag = False,
) -> None:
    """Give a version without a digest its bytes.

    It keeps its number. A digest is final: approvals of before are void, and its checks run.
    """
    from pedigree.cli._progress import transfer_bar

    with open_registry() as registry, transfer_bar(reference, as_json) as progress:
        version = registry.seal(reference, path, flavor=flavor, progress=progress)
    respond(version, as_json, lambda: f"{version.reference} is sealed: {version.digest}")
