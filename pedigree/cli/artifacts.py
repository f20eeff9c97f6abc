"""``pedigree pull | snippets | files | presign``: the files of a version, and how to get them."""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.text import Text

from pedigree.cli._input import JsonFlag, ReferenceArgument
from pedigree.cli._lists import Listing, respond_list
from pedigree.cli._output import Raw, respond, short_digest, size_text, table
from pedigree.cli._session import open_registry
from pedigree.errors import InvalidInputError

if TYPE_CHECKING:
    from pedigree.catalog.snippets import Snippets


def add_to(app: typer.Typer) -> None:
    """Add this group's commands."""
    for name, command in (
        ("pull", pull),
        ("snippets", snippets),
        ("files", files),
        ("presign", presign),
    ):
        app.command(name, rich_help_panel="Look up")(command)


def pull(
    reference: ReferenceArgument,
    destination: Annotated[Path, typer.Argument(metavar="DEST", help="A folder.")],
    force: Annotated[
        bool, typer.Option("--force", help="Replace also files that no pull wrote.")
    ] = False,
    as_json: JsonFlag = False,
) -> None:
    """Download and verify a version's files; after an interruption, run it again to resume."""
    from pedigree.cli._progress import transfer_bar

    with open_registry() as registry:
        version = registry.get(reference)
        with transfer_bar(version.reference, as_json) as progress:
            manifest = registry.pull(version.reference, destination, progress=progress, force=force)

    def view() -> object:
        files = "1 file" if len(manifest.files) == 1 else f"{len(manifest.files)} files"
        return (
            f"{version.reference}: {files}, {size_text(manifest.size)}, verified, in {destination}"
        )

    respond(
        {
            "reference": version.reference,
            "digest": manifest.digest,
            "destination": str(destination.absolute()),
            "manifest": manifest,
        },
        as_json,
        view,
    )


def snippets(
    reference: ReferenceArgument,
    language: Annotated[
        str | None,
        typer.Option("--language", help="Only this snippet: python, cli, curl or dagster."),
    ] = None,
    purpose: Annotated[str, typer.Option("--for", help="With --language: load or serve.")] = "load",
    as_json: JsonFlag = False,
) -> None:
    """Print the code that loads a version, and the code that serves it."""
    with open_registry() as registry:
        found = registry.snippets(reference)
    if language is not None:
        found = _only(found, f"{purpose} {language}")

    def view() -> Iterator[object]:
        for one in found.snippets:
            if language is None:
                yield Text(f"# To {one.purpose} it: {one.language}", style="bold")
            yield Raw(one.text)

    respond(found, as_json, view)


def _only(found: "Snippets", wanted: str) -> "Snippets":
    lines = {f"{one.purpose} {one.language}": one for one in found.snippets}
    if wanted not in lines:
        raise InvalidInputError(
            f"there is no such snippet for {found.reference}",
            field="--language",
            value=wanted,
            remedy=f"Choose one of: {', '.join(lines)}",
        )
    return found.model_copy(update={"snippets": (lines[wanted],)})


def files(reference: ReferenceArgument, as_json: JsonFlag = False) -> None:
    """List a version's files with their sizes and digests."""
    with open_registry() as registry:
        manifest = registry.manifest(reference)

    def view() -> object:
        rows = ((one.path, size_text(one.size), short_digest(one.digest)) for one in manifest.files)
        return table(("path", "size#", "digest"), rows)

    listing = Listing(items=manifest.files)
    respond_list(listing, as_json, view, manifest)


def presign(
    reference: ReferenceArgument,
    path: Annotated[
        str | None, typer.Argument(metavar="PATH", help="One of its files; else all.")
    ] = None,
    expires: Annotated[int, typer.Option(help="Seconds until the URLs expire.")] = 3600,
    as_json: JsonFlag = False,
) -> None:
    """Print URLs that let anybody read a version's files until they expire."""
    from datetime import timedelta

    with open_registry() as registry:
        version = registry.get(reference)
        urls = registry.presign(version.reference, path, expires=timedelta(seconds=expires))

    def view() -> Iterator[object]:
        for name, url in urls.items():
            yield Raw(f"{name}\t{url}")

    respond({"reference": version.reference, "expires_in_s": expires, "urls": urls}, as_json, view)
