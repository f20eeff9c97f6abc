"""``pedigree record-verdict | evaluation | data-verdicts …``: what was found elsewhere."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from pedigree.cli._input import JsonFlag, ReferenceArgument, json_values, read_text
from pedigree.cli._session import open_registry

if TYPE_CHECKING:
    from rich.text import Text

    from pedigree.datasets.records import RecordedDataVerdict
    from pedigree.evaluation.records import Evaluation

PANEL = "Judge and promote"
CheckArgument = Annotated[
    str, typer.Argument(metavar="CHECK", help="The check's name.", show_default=False)
]
PassedFlag = Annotated[
    bool, typer.Option("--passed/--failed", help="What it found.", show_default=False)
]
SummaryOption = Annotated[
    str, typer.Option("--summary", help="One sentence that says what was found.")
]
WarnFlag = Annotated[bool, typer.Option("--warn", help="Its failure is shown, and stops nothing.")]
DetailOption = Annotated[
    list[str] | None,
    typer.Option("--detail", metavar="KEY=VALUE", help="JSON or text; may be repeated."),
]
RunOption = Annotated[str | None, typer.Option("--run-id", help="The run that checked.")]
AssetArgument = Annotated[
    str,
    typer.Argument(metavar="ASSET", help="Its key, parts joined by /.", show_default=False),
]
PartitionOption = Annotated[str | None, typer.Option("--partition", metavar="KEY")]
StorageOption = Annotated[
    int | None, typer.Option("--storage-id", help="Dagster's id of its event.")
]
WrittenByOption = Annotated[
    str | None, typer.Option("--materialized-by", help="The run that wrote it.")
]
DataVersionOption = Annotated[
    str | None, typer.Option("--data-version", help="Where it speaks for the content.")
]


def add_to(app: typer.Typer) -> None:
    """Add this group's commands."""
    for name, command in (
        ("record-verdict", record_verdict),
        ("evaluation", evaluation),
        ("data-verdicts", data_verdicts),
        ("record-data-verdict", record_data_verdict),
    ):
        app.command(name, rich_help_panel=PANEL)(command)


def record_verdict(
    reference: ReferenceArgument,
    check: CheckArgument,
    passed: PassedFlag,
    summary: SummaryOption,
    warn: WarnFlag = False,
    detail: DetailOption = None,
    run_id: RunOption = None,
    as_json: JsonFlag = False,
) -> None:
    """Record what a check found on a version that runs elsewhere, such as in CI."""
    from pedigree.cli._output import print_json
    from pedigree.cli.checks import show_verdicts
    from pedigree.lifecycle.records import Severity, Verdict

    with open_registry() as registry:
        version = registry.get(reference)
        found = Verdict(
            check=check,
            passed=passed,
            severity=Severity.WARN if warn else Severity.ERROR,
            digest=version.digest,
            summary=summary,
            details=json_values("--detail", detail or ()),
            run_id=run_id,
        )
        kept = registry.record_verdict(version.reference, found)
    if as_json:
        print_json(kept)
    else:
        show_verdicts([kept])


def evaluation(
    reference: ReferenceArgument,
    file: Annotated[
        Path | None, typer.Option("--file", help="Keep the one of this JSON file.")
    ] = None,
    as_json: JsonFlag = False,
) -> None:
    """Show how a version did for each group of its evaluation data, or keep that."""
    from pedigree.cli._output import out, print_json
    from pedigree.evaluation.records import Evaluation

    with open_registry() as registry:
        if file is not None:
            text = read_text("--file", file)
            registry.set_evaluation(reference, Evaluation.model_validate_json(text))
        kept = registry.evaluation(reference)
    if as_json:
        print_json(kept)
    elif kept is None:
        out.print(f"No evaluation is kept with {reference}.", markup=False)
    else:
        _show_evaluation(kept)


def data_verdicts(
    asset: AssetArgument,
    partition: PartitionOption = None,
    storage_id: StorageOption = None,
    materialized_by: WrittenByOption = None,
    data_version: DataVersionOption = None,
    as_json: JsonFlag = False,
) -> None:
    """List the newest verdict of each check on exactly one state of some data."""
    from pedigree.cli._output import out, print_json, table
    from pedigree.datasets.records import DataState

    state = DataState(
        asset=asset,
        partition=partition,
        storage_id=storage_id,
        materialized_by=materialized_by,
        data_version=data_version,
    )
    with open_registry() as registry:
        found = registry.data_verdicts([state])
    if as_json:
        print_json(found)
    else:
        out.print(table(("check", "verdict", "found"), map(_data_row, found)))


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
    """Record what a check found on one state of some data."""
    from pedigree.cli._output import out, print_json, table
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
    if as_json:
        print_json(kept)
    else:
        out.print(table(("check", "verdict", "found"), [_data_row(kept)]))


def _data_row(one: "RecordedDataVerdict") -> "tuple[str | Text, ...]":
    word = "passed" if one.passed else "warns" if one.severity == "warn" else "failed"
    return one.check, word, one.summary


def _show_evaluation(kept: "Evaluation") -> None:
    from pedigree.cli._output import metrics_text, out, table

    groups = [("", kept.overall)]
    groups += [(each.name, group) for each in kept.slices for group in each.groups]
    rows = (
        (name, group.group, str(group.count), metrics_text(group.metrics)) for name, group in groups
    )
    out.print(table(("slice", "group", "rows#", "metrics"), rows))
