"""``pedigree fsck``: check the invariants of the registry."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated

import typer

from pedigree.cli._input import JsonFlag
from pedigree.cli._output import respond, table
from pedigree.cli._session import open_registry

if TYPE_CHECKING:
    from pedigree.maintenance.fsck_records import Checked


def add_to(app: typer.Typer) -> None:
    """Add this group's commands."""
    app.command("fsck", rich_help_panel="Operate")(fsck)


def fsck(
    hashes: Annotated[
        bool, typer.Option("--hashes", help="Read every object and compare its digest.")
    ] = False,
    as_json: JsonFlag = False,
) -> None:
    """Check every invariant of the registry; the exit code is 1 if one is violated.

    Without --hashes, each object must exist with its size. Safe at any time; it changes nothing.
    """
    from pedigree.cli._progress import checks_bar

    with open_registry() as registry, checks_bar(as_json) as progress:
        report = registry.fsck(hashes=hashes, progress=progress)

    def view() -> Iterator[object]:
        yield table(("invariant", "looked at#", "violations#", "it says"), map(_row, report.checks))
        for check in report.checks:
            for found in check.examples:
                yield f"{check.name}: {found.reference}: {found.problem}"

    respond({**report.model_dump(mode="json"), "ok": report.ok}, as_json, view)
    if not report.ok:
        raise typer.Exit(1)


def _row(check: "Checked") -> tuple[str, ...]:
    return check.name, str(check.looked_at), str(check.violations), check.says
