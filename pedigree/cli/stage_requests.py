"""``pedigree requests | withdraw``: requests for a stage, fulfilled when the last gate passes."""

from collections.abc import Iterator
from typing import Annotated

import typer

from pedigree.cli._input import JsonFlag, LimitOption, ReferenceArgument
from pedigree.cli._lists import Listing, page_of, respond_list
from pedigree.cli._output import table, when
from pedigree.cli._session import open_registry
from pedigree.cli.stages import Reason, ToStage

_PAGE = 100


def add_to(app: typer.Typer) -> None:
    """Add this group's commands."""
    for name, command in (
        ("requests", list_requests),
        ("withdraw", withdraw),
    ):
        app.command(name, rich_help_panel="Judge and promote")(command)


def list_requests(
    name: Annotated[
        str | None, typer.Argument(metavar="[NAME]", help="Only of this model.", show_default=False)
    ] = None,
    limit: LimitOption = _PAGE,
    after: Annotated[
        int | None, typer.Option(help="The last id of the previous page.", show_default=False)
    ] = None,
    as_json: JsonFlag = False,
) -> None:
    """List stage requests and what each waits for, oldest first."""
    with open_registry() as registry:
        found = page_of(
            lambda most: registry.stage_requests(name, limit=most, after=after),
            limit,
            lambda one: one.request_id,
        )

    def view() -> object:
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
            for each in found.items
        )
        return table(columns, rows)

    respond_list(found, as_json, view)


def withdraw(
    reference: ReferenceArgument, to: ToStage, reason: Reason = None, as_json: JsonFlag = False
) -> None:
    """Withdraw a stage request that `pedigree promote --request` made."""
    with open_registry() as registry:
        withdrawn = registry.withdraw_request(reference, to, reason=reason)

    def view() -> Iterator[object]:
        for each in withdrawn:
            yield f"The request of {each.requested_by} is withdrawn."

    respond_list(Listing(items=withdrawn), as_json, view)
