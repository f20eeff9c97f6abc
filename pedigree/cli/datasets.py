"""``pedigree datasheet | data-verdicts | record-data-verdict``: datasheets and checks of data."""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.text import Text

from pedigree.cli._input import AfterIdOption, JsonFlag, LimitOption, json_values, pairs, read_text
from pedigree.cli._lists import page_of, respond_list
from pedigree.cli._output import respond, table
from pedigree.cli._session import open_registry
from pedigree.cli.checks import (
    CheckArgument,
    DetailOption,
    PassedFlag,
    RunOption,
    SummaryOption,
    WarnFlag,
)
from pedigree.errors import InvalidMetadataError

if TYPE_CHECKING:
    from pedigree.datasets.records import Datasheet, KeptDatasheet, RecordedDataVerdict

DatasheetArgument = Annotated[
    str, typer.Argument(metavar="ASSET", help="An asset's key, parts joined by /.")
]
AssetArgument = Annotated[
    str,
    typer.Argument(metavar="ASSET", help="Its key, parts joined by /.", show_default=False),
]
PartitionOption = Annotated[str | None, typer.Option("--partition", metavar="KEY")]
StorageOption = Annotated[
    int | None, typer.Option("--storage-id", help="The storage id of its Dagster event.")
]
WrittenByOption = Annotated[
    str | None, typer.Option("--materialized-by", help="The run that wrote it.")
]
DataVersionOption = Annotated[
    str | None,
    typer.Option("--data-version", help="Its data version, where that identifies the content."),
]


def add_to(app: typer.Typer) -> None:
    """Add this group's commands."""
    for name, command in (
        ("datasheet", datasheet),
        ("data-verdicts", data_verdicts),
        ("record-data-verdict", record_data_verdict),
    ):
        app.command(name, rich_help_panel="Judge and promote")(command)


def datasheet(
    asset: DatasheetArgument,
    say: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="SECTION=TEXT", help="Write a section; repeatable."),
    ] = None,
    file: Annotated[
        Path | None, typer.Option("--file", help="Write all sections from a JSON file.")
    ] = None,
    as_json: JsonFlag = False,
) -> None:
    """Show an asset's datasheet, or write sections of it; the others stay unchanged."""
    from pedigree.datasets.records import Datasheet

    with open_registry() as registry:
        if file is not None:
            text = read_text("--file", file)
            kept = registry.set_datasheet(asset, Datasheet.model_validate_json(text))
        elif say:
            present = registry.datasheets([asset]).get(asset)
            kept = registry.set_datasheet(asset, _changed(present, pairs("--set", say)))
        else:
            kept = registry.datasheet(asset)
    respond(kept, as_json, lambda: _datasheet_view(kept))


def _changed(present: "KeptDatasheet | None", sections: dict[str, str]) -> "Datasheet":
    from pedigree.datasets.records import Datasheet

    for name in sections:
        if name not in Datasheet.model_fields:
            raise InvalidMetadataError(
                "is not a section of a datasheet",
                field="--set",
                value=name,
                remedy=f"Choose one of {', '.join(Datasheet.model_fields)}",
            )
    before = present.model_dump(include=set(Datasheet.model_fields)) if present else {}
    return Datasheet(**{**before, **sections})


def _datasheet_view(kept: "KeptDatasheet") -> Iterator[object]:
    from pedigree.datasets.records import Datasheet

    by = f"revision {kept.revision}, by {kept.recorded_by} at {kept.at:%Y-%m-%d %H:%M}"
    yield f"Datasheet of {kept.asset}, {by}"
    sections = ((name, getattr(kept, name)) for name in Datasheet.model_fields)
    yield table(("section", "text"), ((name, text or "not provided") for name, text in sections))


def data_verdicts(
    asset: AssetArgument,
    partition: PartitionOption = None,
    storage_id: StorageOption = None,
    materialized_by: WrittenByOption = None,
    data_version: DataVersionOption = None,
    limit: LimitOption = 100,
    after: AfterIdOption = None,
    as_json: JsonFlag = False,
) -> None:
    """List the newest verdict of each check on one exact state of an asset's data."""
    from pedigree.datasets.records import DataState

    state = DataState(
        asset=asset,
        partition=partition,
        storage_id=storage_id,
        materialized_by=materialized_by,
        data_version=data_version,
    )
    with open_registry() as registry:
        found = page_of(
            lambda most: registry.data_verdicts([state], limit=most, after=after or 0),
            limit,
            lambda verdict: verdict.data_verdict_id,
        )
    columns = ("check", "verdict", "found")
    respond_list(found, as_json, lambda: table(columns, map(_data_row, found.items)))


def record_data_verdict(
    asset: AssetArgument,
    check: CheckArgument,
    passed: PassedFlag,
    summary: SummaryOption,
    partition: PartitionOption = None,
    storage_id: StorageOption = None,
    materialized_by: WrittenByOption = None,
    data_version: DataVersionOption = None,
    warn: WarnFlag = False,
    detail: DetailOption = None,
    run_id: RunOption = None,
    as_json: JsonFlag = False,
) -> None:
    """Record the verdict of a check on one state of an asset's data."""
    from pedigree.datasets.records import DataVerdict

    found = DataVerdict(
        asset=asset,
        partition=partition,
        storage_id=storage_id,
        materialized_by=materialized_by,
        data_version=data_version,
        check=check,
        passed=passed,
        severity="warn" if warn else "error",
        summary=summary,
        details=json_values("--detail", detail or ()),
        run_id=run_id,
    )
    with open_registry() as registry:
        kept = registry.record_data_verdict(found)
    respond(kept, as_json, lambda: table(("check", "verdict", "found"), [_data_row(kept)]))


def _data_row(one: "RecordedDataVerdict") -> "tuple[str | Text, ...]":
    word = "passed" if one.passed else "warns" if one.severity == "warn" else "failed"
    return one.check, word, one.summary
