"""``pedigree check | checks | verdicts | record-verdict``: checks and their verdicts."""

from typing import TYPE_CHECKING, Annotated

import typer
from rich.table import Table

from pedigree.cli._input import AfterIdOption, JsonFlag, LimitOption, ReferenceArgument, json_values
from pedigree.cli._lists import Listing, page_of, respond_list
from pedigree.cli._output import respond, table, verdict_text
from pedigree.cli._session import open_registry

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pedigree.lifecycle.records import RecordedVerdict

CheckArgument = Annotated[
    str, typer.Argument(metavar="CHECK", help="The check's name.", show_default=False)
]
PassedFlag = Annotated[
    bool, typer.Option("--passed/--failed", help="Its result.", show_default=False)
]
SummaryOption = Annotated[str, typer.Option("--summary", help="One sentence about the result.")]
WarnFlag = Annotated[bool, typer.Option("--warn", help="A failure is shown but does not block.")]
DetailOption = Annotated[
    list[str] | None,
    typer.Option("--detail", metavar="KEY=VALUE", help="JSON or text; repeatable."),
]
RunOption = Annotated[str | None, typer.Option("--run-id", help="The run of the check.")]


def add_to(app: typer.Typer) -> None:
    """Add this group's commands."""
    for name, command in (
        ("check", check),
        ("checks", checks),
        ("record-verdict", record_verdict),
    ):
        app.command(name, rich_help_panel="Judge and promote")(command)
    app.command("verdicts", rich_help_panel="Look up")(verdicts)


def check(
    reference: ReferenceArgument,
    names: Annotated[
        list[str] | None,
        typer.Argument(metavar="[CHECK]...", help="Only these; see `pedigree checks`."),
    ] = None,
    as_json: JsonFlag = False,
) -> None:
    """Run the registry's checks on any version, also on an old one.

    Without a name, run all checks that the model's policy requires. The verdicts are recorded. The
    Dagster instance that trained the version also shows those of named checks, if it is reachable.
    The exit code is 1 if one of them blocks the version.
    """
    with open_registry() as registry:
        exact = registry.get(reference).reference
        if names:
            found = [each for name in names for each in registry.rerun_check(exact, name)]
        else:
            found = list(registry.run_checks(exact))
    respond_list(Listing(items=found), as_json, lambda: verdict_table(found))
    if any(not verdict.passed and verdict.severity.value == "error" for verdict in found):
        raise typer.Exit(1)


def verdict_table(verdicts: "Sequence[RecordedVerdict]") -> Table:
    """Return verdicts as a table."""
    rows = ((verdict.check, verdict_text(verdict), verdict.summary) for verdict in verdicts)
    return table(("check", "verdict", "found"), rows)


def checks(as_json: JsonFlag = False) -> None:
    """List the registry's checks and the settings that a policy can give them."""
    from pedigree.lifecycle.checks import CHECKS

    def view() -> object:
        rows = (
            (name, each.asks, ", ".join(each.settings.model_fields))
            for name, each in CHECKS.items()
        )
        return table(("check", "asks", "settings"), rows)

    items = [
        {"name": name, "asks": each.asks, "settings": each.settings.model_json_schema()}
        for name, each in CHECKS.items()
    ]
    respond_list(Listing(items=items), as_json, view)


def verdicts(
    reference: ReferenceArgument,
    limit: LimitOption = 100,
    after: AfterIdOption = None,
    as_json: JsonFlag = False,
) -> None:
    """List the newest verdict of each check on a version."""
    with open_registry() as registry:
        found = page_of(
            lambda most: registry.verdicts(reference, limit=most, after=after),
            limit,
            lambda verdict: verdict.verdict_id,
        )
    respond_list(found, as_json, lambda: verdict_table(found.items))


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
    """Record the verdict of a check that runs elsewhere, such as in CI."""
    from pedigree.catalog.sealed import sealed_digest
    from pedigree.lifecycle.records import Severity, Verdict

    with open_registry() as registry:
        version = registry.get(reference)
        found = Verdict(
            check=check,
            passed=passed,
            severity=Severity.WARN if warn else Severity.ERROR,
            digest=sealed_digest(version),
            summary=summary,
            details=json_values("--detail", detail or ()),
            run_id=run_id,
        )
        kept = registry.record_verdict(version.reference, found)
    respond(kept, as_json, lambda: verdict_table([kept]))
