"""``pedigree impact``: the versions that depend on some data, and how certain that is."""

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Annotated

import typer
from rich.text import Text

from pedigree.cli._input import JsonFlag, read_moment
from pedigree.cli._output import respond, table
from pedigree.cli._session import open_registry

if TYPE_CHECKING:
    from datetime import datetime

    from pedigree.lifecycle.impact_records import Affected, Impact

AssetArgument = Annotated[
    str, typer.Argument(metavar="ASSET", help="The key of an asset, a/b.", show_default=False)
]
PartitionOption = Annotated[
    str | None, typer.Option("--partition", metavar="KEY", help="One partition; else all.")
]
SinceOption = Annotated[
    str | None,
    typer.Option(
        "--since", metavar="MOMENT", help="Only data recorded since then; with time zone."
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
    """Show which versions depend on an asset's data: certain, possible, or unknown.

    For each version, show the stages and aliases it holds and held, and the data it wrote.
    """
    with open_registry() as registry:
        found = registry.impact(asset, partition, since=read_since(since))
    lists = {"certain": found.certain, "possible": found.possible, "unknown": found.unknown}
    shown = {name: list(map(_with_holds, versions)) for name, versions in lists.items()}
    respond({**found.model_dump(mode="json"), **shown}, as_json, lambda: _view(found))


def read_since(text: str | None) -> "datetime | None":
    """Return the value of the option ``--since``."""
    return None if text is None else read_moment("--since", text)


def place_of(asset: str, partition: str | None) -> str:
    """Return the name of an asset or of one of its partitions.

    >>> place_of("flights", "2013-01")
    'flights [2013-01]'
    """
    return asset if partition is None else f"{asset} [{partition}]"


def without_lineage(count: int) -> str:
    """Return a sentence about the versions that have no recorded lineage.

    >>> without_lineage(1)
    '1 version has no recorded lineage, so nothing is known about it.'
    """
    if count == 1:
        return "1 version has no recorded lineage, so nothing is known about it."
    return f"{count:,} versions have no recorded lineage, so nothing is known about them."


def _with_holds(one: "Affected") -> dict[str, object]:
    return {**one.model_dump(mode="json"), "holds": one.holds, "in_use": one.in_use}


def _view(found: "Impact") -> Iterator[object]:
    place = place_of(found.asset, found.partition)
    if found.is_limited:
        yield "Only of the models that you may read:"
    if found.none:
        yield f"No version depends on {place}."
        return
    if not (found.certain or found.possible):
        yield f"No version is known to depend on {place}."
    yield from _versions(f"Certain: they depend on {place}.", found.certain)
    yield from _versions(f"Possible: they possibly depend on {place}.", found.possible)
    yield from _versions(f"Unknown: it is not known whether they depend on {place}.", found.unknown)
    if found.without_lineage:
        yield without_lineage(found.without_lineage)


def _versions(heading: str, versions: "Sequence[Affected]") -> Iterator[object]:
    if versions:
        yield Text(heading, style="bold")
        columns = ("version", "certainty", "depends on it", "holds", "held", "wrote")
        yield table(columns, map(_row, versions))


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
    # An unknown dependency has no known path.
    return "" if one.certainty.value == "unknown" else "through derived data"
