"""``pedigree requests | withdraw``: stages that were asked for and wait for their gates."""

from typing import Annotated

import typer

from pedigree.cli._input import JsonFlag, LimitOption, ReferenceArgument
from pedigree.cli._session import open_registry
from pedigree.cli.stages import Reason, ToStage

_PAGE = 100


def add_to(app: typer.Typer) -> None:
    """Add this group's commands."""
    for name, command in (("requests", list_requests), ("withdraw", withdraw)):
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
