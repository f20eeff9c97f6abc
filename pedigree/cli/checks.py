"""``pedigree check | checks | datasheet``: judge versions, and say what data they are made from."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from pedigree.cli._input import JsonFlag, ReferenceArgument, pairs, read_text
from pedigree.cli._session import open_registry
from pedigree.errors import InvalidMetadataError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pedigree.datasets.records import Datasheet, KeptDatasheet
    from pedigree.lifecycle.records import RecordedVerdict

PANEL = "Judge and promote"
AssetArgument = Annotated[
    str, typer.Argument(metavar="ASSET", help="An asset's key, parts joined by /.")
]


def add_to(app: typer.Typer) -> None:
    """Add this group's commands."""
    for command in (check, checks, datasheet):
        app.command(command.__name__, rich_help_panel=PANEL)(command)


def check(
    reference: ReferenceArgument,
    names: Annotated[
        list[str] | None,
        typer.Argument(metavar="[CHECK]...", help="These alone; see `pedigree checks`."),
    ] = None,
    as_json: JsonFlag = False,
) -> None:
    """Run the registry's checks on a version, also on an old one.

    Without a name all are run for which the model's policy asks. The verdicts are recorded; those
    of named checks are shown in the Dagster instance that trained the version, if it is in reach.
    The exit code is 1 if one of them stops the version.
    """
    from pedigree.cli._output import print_json

    with open_registry() as registry:
        exact = registry.get(reference).reference
        if names:
            found = [each for name in names for each in registry.rerun_check(exact, name)]
        else:
            found = list(registry.run_checks(exact))
    if as_json:
        print_json(found)
    else:
        show_verdicts(found)
    if any(not verdict.passed and verdict.severity.value == "error" for verdict in found):
        raise typer.Exit(1)


def show_verdicts(verdicts: "Sequence[RecordedVerdict]") -> None:
    """Print verdicts as a table."""
    from pedigree.cli._output import out, table, verdict_text

    rows = ((verdict.check, verdict_text(verdict), verdict.summary) for verdict in verdicts)
    out.print(table(("check", "verdict", "found"), rows))


def checks(as_json: JsonFlag = False) -> None:
    """List the registry's checks, and the settings that a policy may give them."""
    from pedigree.cli._output import out, print_json, table
    from pedigree.lifecycle.checks import CHECKS

    if as_json:
        print_json(
            {
                name: {"asks": each.asks, "settings": each.settings.model_json_schema()}
                for name, each in CHECKS.items()
            }
        )
        return
    rows = (
        (name, each.asks, ", ".join(each.settings.model_fields)) for name, each in CHECKS.items()
    )
    out.print(table(("check", "asks", "settings"), rows))


def datasheet(
    asset: AssetArgument,
    say: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="SECTION=TEXT", help="Write a section; may be repeated."),
    ] = None,
    file: Annotated[
        Path | None, typer.Option("--file", help="Write all sections from a JSON file.")
    ] = None,
    as_json: JsonFlag = False,
) -> None:
    """Show an asset's datasheet, or write it; the sections that are not named stay as they are."""
    from pedigree.cli._output import print_json
    from pedigree.datasets.records import Datasheet

    with open_registry() as registry:
        if file is not None:
            text = read_text("--file", file)
            kept = registry.set_datasheet(asset, Datasheet.model_validate_json(text))
        elif say:
            known = registry.datasheets([asset]).get(asset)
            kept = registry.set_datasheet(asset, _changed(known, pairs("--set", say)))
        else:
            kept = registry.datasheet(asset)
    if as_json:
        print_json(kept)
    else:
        _show_datasheet(kept)


def _changed(known: "KeptDatasheet | None", said: dict[str, str]) -> "Datasheet":
    from pedigree.datasets.records import Datasheet

    for name in said:
        if name not in Datasheet.model_fields:
            raise InvalidMetadataError(
                "is no section of a datasheet",
                field="--set",
                value=name,
                remedy=f"Choose among {', '.join(Datasheet.model_fields)}",
            )
    before = known.model_dump(include=set(Datasheet.model_fields)) if known else {}
    return Datasheet(**{**before, **said})


def _show_datasheet(kept: "KeptDatasheet") -> None:
    from pedigree.cli._output import out, table
    from pedigree.datasets.records import Datasheet

    by = f"revision {kept.revision}, by {kept.recorded_by} at {kept.at:%Y-%m-%d %H:%M}"
    out.print(f"Datasheet of {kept.asset}, {by}", markup=False)
    said = ((name, getattr(kept, name)) for name in Datasheet.model_fields)
    out.print(table(("section", "says"), ((name, text or "not provided") for name, text in said)))
