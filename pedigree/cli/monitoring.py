"""``pedigree profile | drift``: the training data's profile, and the drift of other data."""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from pedigree.cli._input import JsonFlag, LimitOption, ReferenceArgument, write_text
from pedigree.cli._lists import page_before, respond_list
from pedigree.cli._output import Raw, respond, table, when
from pedigree.cli._session import open_registry

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.table import Table

    from pedigree.monitoring.records import DataProfile, RecordedDrift

DataArgument = Annotated[
    Path,
    typer.Argument(metavar="DATA", help="A CSV, .parquet or .arrow file.", show_default=False),
]
IdArgument = Annotated[
    int, typer.Argument(metavar="ID", help="`drift list` shows it.", show_default=False)
]


def add_to(app: typer.Typer) -> None:
    """Add this group's commands."""
    app.command("profile", rich_help_panel="Monitor")(profile)
    group = typer.Typer(help="Compare data with a version's training data.", no_args_is_help=True)
    group.command("measure")(measure)
    group.command("list")(list_results)
    group.command("show")(show)
    group.command("report")(report)
    group.command("alert")(alert)
    app.add_typer(group, name="drift", rich_help_panel="Monitor")


def profile(
    reference: ReferenceArgument,
    keep: Annotated[
        Path | None,
        typer.Option(
            "--keep", metavar="DATA", help="Store the profile of this CSV, .parquet or .arrow."
        ),
    ] = None,
    prediction: Annotated[
        str | None, typer.Option("--prediction", help="The column of the model's predictions.")
    ] = None,
    categorical: Annotated[
        list[str] | None,
        typer.Option("--categorical", help="A column of numbers that are categories; repeatable."),
    ] = None,
    as_json: JsonFlag = False,
) -> None:
    """Show the profile of a version's training data, or store it; the first one stays."""
    from pedigree.cli._sample import read_sample
    from pedigree.monitoring.profile import profile as make_profile

    with open_registry() as registry:
        if keep is not None:
            made = make_profile(
                read_sample(keep, field="--keep"),
                prediction=prediction,
                categorical=categorical or (),
            )
            registry.keep_profile(reference, made)
        found = registry.profile(reference)
    respond(found, as_json, lambda: _profile_view(found))


def measure(
    reference: ReferenceArgument,
    data: DataArgument,
    asset: Annotated[
        str, typer.Option("--asset", help="The name of the data.", show_default=False)
    ],
    partition: Annotated[str | None, typer.Option("--partition", metavar="KEY")] = None,
    data_version: Annotated[str | None, typer.Option("--data-version")] = None,
    run_id: Annotated[str | None, typer.Option("--run-id", help="The run that measures.")] = None,
    as_json: JsonFlag = False,
) -> None:
    """Compare a file's data with a version's training data; the exit code is 1 if it drifted."""
    from pedigree.cli._sample import read_sample

    with open_registry() as registry:
        found = registry.measure_drift(
            reference,
            read_sample(data, field="DATA"),
            asset=asset,
            partition=partition,
            data_version=data_version,
            run_id=run_id,
        )
    respond(found, as_json, lambda: _table([found]))
    if found.drifted:
        raise typer.Exit(1)


def list_results(
    reference: ReferenceArgument,
    asset: Annotated[str | None, typer.Option("--asset", help="Only this data.")] = None,
    limit: LimitOption = 100,
    before: Annotated[
        int | None,
        typer.Option("--before", help="Start before this drift_id.", show_default=False),
    ] = None,
    as_json: JsonFlag = False,
) -> None:
    """List the newest results of the last partitions that were compared with a version."""
    with open_registry() as registry:
        found = page_before(
            lambda most: registry.drift(reference, asset, limit=most, before=before),
            limit,
            lambda result: result.drift_id,
        )
    respond_list(found, as_json, lambda: _table(found.items))


def show(drift_id: IdArgument, as_json: JsonFlag = False) -> None:
    """Show one result."""
    with open_registry() as registry:
        found = registry.drift_result(drift_id)
    respond(found, as_json, lambda: _table([found]))


def report(
    drift_id: IdArgument,
    output: Annotated[
        Path | None, typer.Option("--output", metavar="FILE", help="Write it to this file.")
    ] = None,
    markdown: Annotated[bool, typer.Option("--markdown", help="Markdown instead of HTML.")] = False,
    as_json: JsonFlag = False,
) -> None:
    """Print the report of one result."""
    with open_registry() as registry:
        text = registry.drift_report_text(drift_id, markdown=markdown)
    if output is not None:
        write_text("--output", output, text)

    def view() -> Iterator[object]:
        if output is None:
            yield Raw(text)

    respond({"drift_id": drift_id, "output": output and str(output), "report": text}, as_json, view)


def alert(drift_id: IdArgument, as_json: JsonFlag = False) -> None:
    """Record an event for an alarm, once."""
    with open_registry() as registry:
        alerted = registry.alert_drift(drift_id)
    respond(
        {"drift_id": drift_id, "alerted": alerted},
        as_json,
        lambda: (
            "The event is recorded." if alerted else "It was recorded before, or is not an alarm."
        ),
    )


def _table(results: "Sequence[RecordedDrift]") -> "Table":
    rows = (
        (
            str(one.drift_id),
            one.asset,
            one.partition or "",
            "drifted" if one.drifted else "as trained",
            one.verdict,
            when(one.at),
        )
        for one in results
    )
    return table(("id#", "data", "partition", "is", "found", "at"), rows)


def _profile_view(found: "DataProfile") -> Iterator[object]:
    rows = ((one.name, one.kind, one.role.value, str(one.missing)) for one in found.columns)
    yield f"{found.rows} rows"
    yield table(("column", "kind", "role", "missing#"), rows)
