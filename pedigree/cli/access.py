"""``pedigree access …``: who may do what, and why."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated

import typer

from pedigree.cli._access_names import (
    PrincipalArgument,
    ReasonOption,
    RoleArgument,
    StagesOption,
    add_groups,
    add_roles,
    read_permission,
)
from pedigree.cli._input import JsonFlag, LimitOption, read_length
from pedigree.cli._lists import Listing, page_of, respond_list
from pedigree.cli._output import respond, table, when
from pedigree.cli._session import open_registry
from pedigree.cli.people import add_people

if TYPE_CHECKING:
    from rich.text import Text

    from pedigree.access.grant_records import AccessGrant

_PAGE = 1000


def add_to(app: typer.Typer) -> None:
    """Add this group's commands."""
    group = typer.Typer(
        help="Grant, deny and explain rights, and say who is one person.", no_args_is_help=True
    )
    group.command("grant")(grant)
    group.command("revoke")(revoke)
    group.command("review")(review)
    group.command("explain")(explain)
    add_roles(group)
    add_groups(group)
    add_people(group)
    app.add_typer(group, name="access", rich_help_panel="Operate")


def grant(
    role: RoleArgument,
    to: Annotated[
        str,
        typer.Argument(metavar="TO", help="ann@risk.example, or group:risk.", show_default=False),
    ],
    model: Annotated[
        list[str] | None,
        typer.Option("--model", help="Only this model, or models like churn*; repeatable."),
    ] = None,
    stage: StagesOption = None,
    deny: Annotated[
        bool, typer.Option("--deny", help="Deny what the role permits; that overrides grants.")
    ] = False,
    expires: Annotated[
        str, typer.Option("--expires", help="How long it holds: 90d, 12h; or never.")
    ] = "never",
    reason: ReasonOption = None,
    as_json: JsonFlag = False,
) -> None:
    """Grant a role to a principal or a group, or deny it."""
    holds = None if expires == "never" else read_length("--expires", expires)
    with open_registry() as registry:
        made = registry.grant_access(
            role,
            to,
            models=model or (),
            stages=stage or (),
            deny=deny,
            expires=holds,
            reason=reason,
        )
    verb = "denied to" if deny else "granted to"
    respond(made, as_json, lambda: f"Grant {made.grant_id}: {role} is {verb} {made.grantee}.")


def revoke(
    what: Annotated[
        str,
        typer.Argument(
            metavar="GRANT|NAME", help="The id of a grant, or a principal.", show_default=False
        ),
    ],
    everything: Annotated[
        bool, typer.Option("--all", help="Of a principal, revoke the tokens as well.")
    ] = False,
    reason: ReasonOption = None,
    as_json: JsonFlag = False,
) -> None:
    """End a grant, or all grants and groups of a principal; what is denied stays denied."""
    if what.isdecimal() and what.isascii() and not everything:
        with open_registry() as registry:
            ended = registry.end_grant(int(what), reason=reason)
        respond(ended, as_json, lambda: f"Grant {what} of {ended.grantee} has ended.")
        return
    with open_registry() as registry:
        found = registry.revoke_access(what, tokens=everything, reason=reason)

    def view() -> str:
        ended = (f"{len(found.grants)} grants", f"{len(found.groups)} groups")
        tokens = f" and {len(found.tokens)} tokens" if everything else ""
        return f"Ended for {what}: {', '.join(ended)}{tokens}."

    respond(found, as_json, view)


def review(
    principal: Annotated[
        str | None,
        typer.Option("--principal", help="Only those of this principal.", show_default=False),
    ] = None,
    group: Annotated[
        str | None, typer.Option("--group", help="Only those of this group.", show_default=False)
    ] = None,
    ended: Annotated[
        bool, typer.Option("--ended", help="Also those that ended or expired.")
    ] = False,
    limit: LimitOption = _PAGE,
    after: Annotated[int, typer.Option(help="The last id of the previous page.")] = 0,
    as_json: JsonFlag = False,
) -> None:
    """List grants with their last use."""
    with open_registry() as registry:
        found: Listing[AccessGrant] = page_of(
            lambda most: registry.access_grants(
                principal=principal, group=group, ended=ended, limit=most, after=after
            ),
            limit,
            lambda one: one.grant_id,
        )

    def view() -> object:
        columns = ("id#", "to", "role", "models", "stages", "until", "by", "last used")
        return table(columns, map(_row, found.items))

    respond_list(found, as_json, view)


def _row(one: "AccessGrant") -> "tuple[str | Text, ...]":
    return (
        str(one.grant_id),
        one.grantee,
        one.role if one.effect == "allow" else f"not {one.role}",
        ", ".join(one.models) or "all",
        ", ".join(one.stages) or "all",
        f"ended {when(one.ended_at)}" if one.ended_at else when(one.expires_at),
        one.granted_by,
        when(one.last_used_at),
    )


def explain(
    principal: PrincipalArgument,
    model: Annotated[
        str | None,
        typer.Option("--model", help="The model; every model if left out.", show_default=False),
    ] = None,
    stage: Annotated[
        str | None,
        typer.Option("--stage", help="The stage; every stage if left out.", show_default=False),
    ] = None,
    permission: Annotated[
        str | None,
        typer.Option("--permission", help="Only this one, such as move.", show_default=False),
    ] = None,
    as_json: JsonFlag = False,
) -> None:
    """Show what somebody may do, and which grants or tokens allow or deny it."""
    wanted = None if permission is None else read_permission("--permission", permission)
    with open_registry() as registry:
        found = registry.explain_access(principal, model=model, stage=stage, permission=wanted)

    def view() -> Iterator[object]:
        for answer in found:
            yield answer.sentence

    respond_list(Listing(items=found), as_json, view)
