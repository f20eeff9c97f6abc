"""``pedigree requests | withdraw | retry``: what waits for gates, and what the sensor gave up."""

from typing import Annotated

import typer

from pedigree.cli._input import JsonFlag, LimitOption, ReferenceArgument
from pedigree.cli._session import open_registry
from pedigree.cli.stages import Reason, ToStage

_PAGE = 100


def add_to(app: typer.Typer) -> None:
    """Add this group's commands."""
    commands = (("requests", list_requests), ("withdraw", withdraw), ("retry", retry))
    for name, command in commands:
        app.command(name, rich_help_panel="Judge and promote")(command)


def list_requests(
    name: Annotated[
        str | None, typer.Argument(metavar="[NAME]", help="Only of this model.", show_default=False)
    ] = None,
    limit: LimitOption = _PAGE,
    after: Annotated[
        int | None, typer.Option(help="The last id of the page before.", show_default=False)
    ] = None,
    as_json: JsonFlag = False,
) -> None:
    """List the stages that were asked for and what each waits for, the oldest request first."""
    from pedigree.cli._output import out, print_json, table, when

    with open_registry() as registry:
        found = registry.stage_requests(name, limit=limit, after=after)
    if as_json:
        print_json(found)
        return
    columns = ("id#", "version", "way", "by", "at", "why", "waits for")
    rows = (
        (
            str(each.request_id),
            f"{each.model_name}/{each.version_id}",
            f"{each.from_stage} → {each.stage}",
            each.requested_by,
            when(each.at),
            each.reason or "",
            "; ".join(each.waits_for),
        )
        for each in found
    )
    out.print(table(columns, rows))


def withdraw(
    reference: ReferenceArgument, to: ToStage, reason: Reason = None, as_json: JsonFlag = False
) -> None:
    """Take back that a version enter a stage: `pedigree promote --request`."""
    from pedigree.cli._output import out, print_json

    with open_registry() as registry:
        withdrawn = registry.withdraw_request(reference, to, reason=reason)
    if as_json:
        print_json(withdrawn)
        return
    for each in withdrawn:
        out.print(f"The request of {each.requested_by} is withdrawn.", markup=False)


def retry(
    reference: ReferenceArgument, to: ToStage, reason: Reason = None, as_json: JsonFlag = False
) -> None:
    """Let the promotion sensor try again what it gave up after failed runs."""
    from pedigree.cli._output import out, print_json

    with open_registry() as registry:
        given_up = registry.retry_promotion(reference, to, reason=reason)
    if as_json:
        print_json(given_up)
        return
    out.print(f"The sensor tries {reference} → {given_up.stage} again.", markup=False)
    out.print(f"It gave up after {given_up.attempts} runs: {given_up.problem}", markup=False)
