"""``pedigree model create | show | update``: a model itself, also before its first version."""

from typing import TYPE_CHECKING, Annotated

import typer

from pedigree.cli._input import JsonFlag, NameArgument, pairs
from pedigree.cli._session import open_registry

if TYPE_CHECKING:
    from pedigree.catalog.records import RegisteredModel

DescriptionOption = Annotated[str | None, typer.Option("--description", help="What it is for.")]
OwnerOption = Annotated[
    list[str] | None, typer.Option("--owner", help="Who owns it; may be repeated, replaces all.")
]
TagOption = Annotated[
    list[str] | None, typer.Option("--tag", metavar="KEY=VALUE", help="Replaces all tags.")
]


def add_to(app: typer.Typer) -> None:
    """Add this group's commands."""
    group = typer.Typer(help="Make, show and describe a model.", no_args_is_help=True)
    group.command("create")(create)
    group.command("show")(show)
    group.command("update")(update)
    app.add_typer(group, name="model", rich_help_panel="Register")


def create(
    name: NameArgument,
    description: DescriptionOption = None,
    owner: OwnerOption = None,
    tag: TagOption = None,
    as_json: JsonFlag = False,
) -> None:
    """Make a model that has no version yet; a registration would make it as well."""
    tags = pairs("--tag", tag or ())
    with open_registry() as registry:
        made = registry.create_model(name, description=description, owners=owner or (), tags=tags)
    _show(made, as_json)


def show(name: NameArgument, as_json: JsonFlag = False) -> None:
    """Show a model, and what holds its stages and aliases."""
    with open_registry() as registry:
        _show(registry.model(name), as_json)


def update(
    name: NameArgument,
    description: DescriptionOption = None,
    owner: OwnerOption = None,
    tag: TagOption = None,
    as_json: JsonFlag = False,
) -> None:
    """Change a model's description, owners or tags."""
    tags = None if tag is None else pairs("--tag", tag)
    with open_registry() as registry:
        updated = registry.update_model(name, description=description, owners=owner, tags=tags)
    _show(updated, as_json)


def _show(model: "RegisteredModel", as_json: bool) -> None:
    from pedigree.cli._output import NOT_PROVIDED, out, print_json, table, when

    if as_json:
        print_json(model)
        return
    held = {stage: " ".join(map(str, numbers)) for stage, numbers in sorted(model.stages.items())}
    rows = (
        ("model", model.name),
        ("description", model.description or NOT_PROVIDED),
        ("owners", ", ".join(model.owners)),
        ("tags", _told(model.tags)),
        ("newest version", str(model.latest_version)),
        ("stages", _told(held)),
        ("aliases", _told(model.aliases)),
        ("made", when(model.created_at)),
    )
    out.print(table(("what", "is"), rows))


def _told(pairs_of: "dict[str, str] | dict[str, int]") -> str:
    return ", ".join(f"{name} {value}" for name, value in sorted(pairs_of.items()))
