"""``pedigree impact``: which versions depend on some data, and how certain that is."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from pedigree.cli._input import JsonFlag, read_moment
from pedigree.cli._session import open_registry

if TYPE_CHECKING:
    from datetime import datetime

    from rich.text import Text

    from pedigree.lifecycle.impact_records import Affected, Impact

AssetArgument = Annotated[
    str, typer.Argument(metavar="ASSET", help="The key of an asset, a/b.", show_default=False)
]
PartitionOption = Annotated[
    str | None, typer.Option("--partition", metavar="KEY", help="One partition; else all of them.")
]
SinceOption = Annotated[
    str | None,
    typer.Option(
        "--since", metavar="MOMENT", help="Only data recorded from then on, with its zone."
    ),
]


def add_to(app: typer.Typer) -> None:
    """Add this group's commands."""
    app.command("impact", rich_help_panel="Look up")(impact)


def impact(
    asset: AssetArgument,
    partition: PartitionOption = None,
    since: SinceOption = None,
    as_json: JsonFlag = False,
) -> None:
    """Show which versions depend on some data, certainly, possibly, or for all that is known.

    With each it shows what the version holds and held, and what it wrote.
    """
    from pedigree.cli._output import print_json

    with open_registry() as registry:
        found = registry.impact(asset, partition, since=read_since(since))
    if as_json:
        lists = {"certain": found.certain, "possible": found.possible, "unknown": found.unknown}
        shown = {name: list(map(_with_holds, versions)) for name, versions in lists.items()}
        print_json({**found.model_dump(mode="json"), **shown})
    else:
        _show(found)


def read_since(text: str | None) -> "datetime | None":
    """Read the option ``--since``."""
    return None if text is None else read_moment("--since", text)


def place_of(asset: str, partition: str | None) -> str:
    """Name an asset or one of its partitions.

    >>> place_of("flights", "2013-01")
    'flights [2013-01]'
    """
    return asset if partition is None else f"{asset} [{partition}]"


def without_lineage(count: int) -> str:
    """Say that some versions have no recorded lineage.

    >>> without_lineage(1)
    '1 version has no recorded lineage, so nothing is known about it.'
    """
    if count == 1:
        return "1 version has no recorded lineage, so nothing is known about it."
    return f"{count:,} versions have no recorded lineage, so nothing is known about them."


def _with_holds(one: "Affected") -> dict[str, object]:
    return {**one.model_dump(mode="json"), "holds": one.holds, "in_use": one.in_use}


def _show(found: "Impact") -> None:
    from pedigree.cli._output import out

    place = place_of(found.asset, found.partition)
    if found.none:
        out.print(f"No version depends on {place}.", markup=False)
        return
    if not (found.certain or found.possible):
        out.print(f"No version is known to depend on {place}.", markup=False)
    _show_versions(f"Certain: they depend on {place}.", found.certain)
    _show_versions(f"Possible: they possibly depend on {place}.", found.possible)
    _show_versions(f"Unknown: it is not known whether they depend on {place}.", found.unknown)
    if found.without_lineage:
        out.print(without_lineage(found.without_lineage), markup=False)


def _show_versions(heading: str, versions: "Sequence[Affected]") -> None:
    from pedigree.cli._output import out, table

    if versions:
        out.print(heading, style="bold", markup=False)
        columns = ("version", "certainty", "depends on it", "holds", "held", "wrote")
        out.print(table(columns, map(_row, versions)))


def _row(one: "Affected") -> "tuple[str | Text, ...]":
    state = " (deleted)" if one.deleted_at else " (in quarantine)" if one.quarantine_reason else ""
    held = (
        f"{tenure.pointer} {tenure.since:%Y-%m-%d} … {tenure.until:%Y-%m-%d}"
        for tenure in one.tenures
        if tenure.until is not None
    )
    wrote = "\n".join(place_of(usage.asset, usage.partition) for usage in one.outputs)
    return (
        one.reference + state,
        one.certainty.value,
        _how(one),
        "\n".join(one.holds),
        "\n".join(held),
        wrote,
    )


def _how(one: "Affected") -> str:
    if one.direct:
        return "directly"
    # Of what is not known nothing says by which way it would come.
    return "" if one.certainty.value == "unknown" else "by what was made of it"
