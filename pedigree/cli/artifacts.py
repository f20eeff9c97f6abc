"""``pedigree stats | presign``: what the store holds, and URLs to it."""

from typing import Annotated

import typer

from pedigree.cli._input import JsonFlag, ReferenceArgument
from pedigree.cli._session import open_registry


def add_to(app: typer.Typer) -> None:
    """Add this group's commands."""
    app.command("presign", rich_help_panel="Look up")(presign)
    app.command("stats", rich_help_panel="Operate")(stats)


def stats(as_json: JsonFlag = False) -> None:
    """Show how many bytes versions refer to, and how many are stored for them."""
    from pedigree.cli._output import out, print_json, size_text, table

    with open_registry() as registry:
        found = registry.stats()
    if as_json:
        print_json(found)
        return
    counts = ("models", "versions", "artifacts", "files", "blobs", "uploads", "orphans")
    rows = [(name, str(getattr(found, name))) for name in counts]
    rows += [
        ("referred to by versions", size_text(found.logical_bytes)),
        ("stored", size_text(found.stored_bytes)),
        ("saved by storing each file once", size_text(max(0, found.saved_bytes))),
        *((f"in the {tier} tier", size_text(size)) for tier, size in found.tiers.items()),
    ]
    out.print(table(["what", "how much#"], rows))


def presign(
    reference: ReferenceArgument,
    path: Annotated[
        str | None, typer.Argument(metavar="PATH", help="One file of it; else all.")
    ] = None,
    expires: Annotated[int, typer.Option(help="Seconds that the URLs hold.")] = 3600,
    as_json: JsonFlag = False,
) -> None:
    """Print URLs by which anybody can read a version's files for a while."""
    from datetime import timedelta

    from pedigree.cli._output import print_json

    with open_registry() as registry:
        version = registry.get(reference)
        urls = registry.presign(version.reference, path, expires=timedelta(seconds=expires))
    if as_json:
        print_json({"reference": version.reference, "expires_in_s": expires, "urls": urls})
        return
    for name, url in urls.items():
        print(f"{name}\t{url}")
