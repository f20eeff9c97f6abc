"""``pedigree stats``: what the registry counts and stores."""

import typer

from pedigree.cli._input import JsonFlag
from pedigree.cli._output import respond, size_text, table
from pedigree.cli._session import open_registry


def add_to(app: typer.Typer) -> None:
    """Add this group's commands."""
    app.command("stats", rich_help_panel="Operate")(stats)


def stats(as_json: JsonFlag = False) -> None:
    """Show how many bytes versions refer to, and how many are stored for them."""
    with open_registry() as registry:
        found = registry.stats()

    def view() -> object:
        counts = ("models", "versions", "artifacts", "files", "blobs", "uploads", "orphans")
        rows = [(name, _number(getattr(found, name))) for name in counts]
        rows += [
            ("referred to by versions", size_text(found.logical_bytes)),
            ("stored", size_text(found.stored_bytes)),
            ("saved by storing each file once", size_text(max(0, found.saved_bytes))),
            *((f"in the {tier} tier", size_text(size)) for tier, size in found.tiers.items()),
        ]
        return table(["what", "how much#"], rows)

    respond(found, as_json, view)


def _number(count: int | None) -> str:
    return "unknown for some models alone" if count is None else str(count)
