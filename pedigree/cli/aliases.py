"""``pedigree alias set | delete | list``: movable names of versions."""

from typing import Annotated

import typer

from pedigree.cli._input import JsonFlag, NameArgument, SeenGeneration
from pedigree.cli._lists import Listing, respond_list
from pedigree.cli._output import respond, table
from pedigree.cli._session import open_registry
from pedigree.cli.stages import Reason

AliasArgument = Annotated[
    str, typer.Argument(metavar="ALIAS", help="Such as champion.", show_default=False)
]


def add_to(app: typer.Typer) -> None:
    """Add this group's commands."""
    group = typer.Typer(help="Set, delete and list aliases.", no_args_is_help=True)
    group.command("set")(set_alias)
    group.command("delete")(delete_alias)
    group.command("list")(list_aliases)
    app.add_typer(group, name="alias", rich_help_panel="Change")


def set_alias(
    name: NameArgument,
    alias: AliasArgument,
    version: Annotated[int, typer.Argument(metavar="VERSION", show_default=False)],
    reason: Reason = None,
    expected_generation: SeenGeneration = None,
    as_json: JsonFlag = False,
) -> None:
    """Point an alias to a version; it no longer names its previous version."""
    with open_registry() as registry:
        registry.set_alias(
            name, alias, version, expected_generation=expected_generation, reason=reason
        )
    respond(
        {"model_name": name, "alias": alias, "version_id": version},
        as_json,
        lambda: f"{name}@{alias} is version {version}.",
    )


def delete_alias(
    name: NameArgument, alias: AliasArgument, reason: Reason = None, as_json: JsonFlag = False
) -> None:
    """Delete an alias; the version stays."""
    with open_registry() as registry:
        registry.delete_alias(name, alias, reason=reason)
    respond(
        {"model_name": name, "alias": alias, "version_id": None},
        as_json,
        lambda: f"{name}@{alias} is deleted.",
    )


def list_aliases(name: NameArgument, as_json: JsonFlag = False) -> None:
    """List a model's aliases."""
    with open_registry() as registry:
        aliases = registry.model(name).aliases

    def view() -> object:
        rows = ((alias, str(version)) for alias, version in sorted(aliases.items()))
        return table(("alias", "version#"), rows)

    items = [{"alias": alias, "version_id": version} for alias, version in sorted(aliases.items())]
    respond_list(Listing(items=items), as_json, view)
