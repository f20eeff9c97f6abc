"""``pedigree access role | group``: the names by which rights are granted."""

from typing import TYPE_CHECKING, Annotated

import typer

from pedigree.cli._input import JsonFlag, LimitOption
from pedigree.cli._lists import Listing, page_of, respond_list
from pedigree.cli._output import respond, table
from pedigree.cli._session import open_registry
from pedigree.errors import InvalidInputError

if TYPE_CHECKING:
    from pedigree.access.grant_records import AccessGroup, AccessRole
    from pedigree.access.records import Permission

_PAGE = 1000

PrincipalArgument = Annotated[
    str,
    typer.Argument(metavar="NAME", help="A principal: ann@risk.example.", show_default=False),
]
RoleArgument = Annotated[
    str, typer.Argument(metavar="ROLE", help="`access role list` shows it.", show_default=False)
]
GroupArgument = Annotated[
    str, typer.Argument(metavar="GROUP", help="`access group list` shows it.", show_default=False)
]
ReasonOption = Annotated[str | None, typer.Option("--reason", help="Why.", show_default=False)]
StagesOption = Annotated[
    list[str] | None,
    typer.Option("--stage", help="Only this stage, or stages like prod*; repeatable."),
]
DescriptionOption = Annotated[
    str | None, typer.Option("--description", help="What it is for.", show_default=False)
]
AfterNameOption = Annotated[
    str, typer.Option("--after", help="The last name of the previous page.")
]


def add_roles(group: typer.Typer) -> None:
    """Add the commands of roles."""
    roles = typer.Typer(help="Define, remove and list roles.", no_args_is_help=True)
    roles.command("define")(define_role)
    roles.command("remove")(remove_role)
    roles.command("list")(list_roles)
    group.add_typer(roles, name="role")


def add_groups(group: typer.Typer) -> None:
    """Add the commands of groups."""
    groups = typer.Typer(help="Create and delete groups, and change them.", no_args_is_help=True)
    groups.command("create")(create_group)
    groups.command("add")(add_member)
    groups.command("remove")(remove_member)
    groups.command("list")(list_groups)
    groups.command("delete")(delete_group)
    group.add_typer(groups, name="group")


def define_role(
    name: RoleArgument,
    permission: Annotated[
        list[str],
        typer.Option("--permission", help="What it permits; repeatable.", show_default=False),
    ],
    stage: StagesOption = None,
    description: DescriptionOption = None,
    as_json: JsonFlag = False,
) -> None:
    """Define a role, or define it differently: its grants and tokens change at once."""
    permissions = [read_permission("--permission", word) for word in permission]
    with open_registry() as registry:
        role = registry.define_role(name, permissions, stages=stage or (), description=description)
    respond(role, as_json, lambda: f"{name} permits {', '.join(role.permissions)}.")


def remove_role(name: RoleArgument, as_json: JsonFlag = False) -> None:
    """Remove a role that no grant, no token and no policy names."""
    with open_registry() as registry:
        registry.remove_role(name)
    respond({"role": name}, as_json, lambda: f"The role {name} is removed.")


def list_roles(
    limit: LimitOption = _PAGE,
    after: AfterNameOption = "",
    as_json: JsonFlag = False,
) -> None:
    """List the roles, with the built-in ones."""
    with open_registry() as registry:
        found: Listing[AccessRole] = page_of(
            lambda most: registry.access_roles(limit=most, after=after),
            limit,
            lambda one: one.name,
        )

    def view() -> object:
        rows = (
            (
                one.name,
                "built in" if one.is_built_in else str(one.defined_by),
                ", ".join(one.stages) or "all",
                ", ".join(one.permissions),
            )
            for one in found.items
        )
        return table(("role", "defined by", "stages", "permissions"), rows)

    respond_list(found, as_json, view)


def create_group(
    name: GroupArgument, description: DescriptionOption = None, as_json: JsonFlag = False
) -> None:
    """Create a group of principals."""
    with open_registry() as registry:
        group = registry.create_group(name, description=description)
    respond(group, as_json, lambda: f"The group {name} is created; policies name it group:{name}.")


def add_member(group: GroupArgument, member: PrincipalArgument, as_json: JsonFlag = False) -> None:
    """Add a principal to a group."""
    with open_registry() as registry:
        found = registry.add_member(group, member)
    respond(found, as_json, lambda: f"{member} is in the group {group}.")


def remove_member(
    group: GroupArgument,
    member: PrincipalArgument,
    reason: ReasonOption = None,
    as_json: JsonFlag = False,
) -> None:
    """Remove a principal from a group."""
    with open_registry() as registry:
        found = registry.remove_member(group, member, reason=reason)
    respond(found, as_json, lambda: f"{member} is no longer in the group {group}.")


def list_groups(
    limit: LimitOption = _PAGE,
    after: AfterNameOption = "",
    as_json: JsonFlag = False,
) -> None:
    """List the groups with their members."""
    with open_registry() as registry:
        found: Listing[AccessGroup] = page_of(
            lambda most: registry.access_groups(limit=most, after=after),
            limit,
            lambda one: one.name,
        )

    def view() -> object:
        rows = ((one.name, one.created_by, ", ".join(one.members)) for one in found.items)
        return table(("group", "created by", "members"), rows)

    respond_list(found, as_json, view)


def delete_group(
    name: GroupArgument, reason: ReasonOption = None, as_json: JsonFlag = False
) -> None:
    """Delete a group: its members leave it, and its grants end."""
    with open_registry() as registry:
        registry.delete_group(name, reason=reason)
    respond({"group": name}, as_json, lambda: f"The group {name} is deleted.")


def read_permission(option: str, word: str) -> "Permission":
    """Return a permission.

    Raises:
        InvalidInputError: There is no such permission.
    """
    from pedigree.access.records import Permission

    try:
        return Permission(word)
    except ValueError as error:
        raise InvalidInputError(
            "is not a permission",
            field=option,
            value=word,
            remedy=f"Choose one of {', '.join(Permission)}",
        ) from error
