"""``pedigree models | model create | show | update | rename``: registered models."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated

import typer
from rich.text import Text

from pedigree.cli._changes import UnsetOption, changes
from pedigree.cli._input import JsonFlag, LimitOption, NameArgument, pairs
from pedigree.cli._lists import page_of, respond_list
from pedigree.cli._output import NOT_PROVIDED, respond, table, when
from pedigree.cli._session import open_registry

if TYPE_CHECKING:
    from pedigree.catalog.records import RegisteredModel

DescriptionOption = Annotated[str | None, typer.Option("--description", help="What it is for.")]
OwnerOption = Annotated[
    list[str] | None, typer.Option("--owner", help="An owner; repeatable, replaces all owners.")
]
TagOption = Annotated[
    list[str] | None,
    typer.Option("--tag", metavar="KEY=VALUE", help="A tag; repeatable, replaces all tags."),
]


def add_to(app: typer.Typer) -> None:
    """Add this group's commands."""
    app.command("models", rich_help_panel="Look up")(list_models)
    group = typer.Typer(help="Create, show and describe a model.", no_args_is_help=True)
    group.command("create")(create)
    group.command("show")(show)
    group.command("update")(update)
    group.command("rename")(rename)
    app.add_typer(group, name="model", rich_help_panel="Register")


def list_models(
    limit: LimitOption = 1000,
    after: Annotated[
        str | None, typer.Option("--after", help="Start after this name.", show_default=False)
    ] = None,
    as_json: JsonFlag = False,
) -> None:
    """List the registered models and the versions in their stages."""
    with open_registry() as registry:
        found = page_of(
            lambda most: registry.models(limit=most, after=after), limit, lambda one: one.name
        )

    def view() -> Iterator[object]:
        if not found.items:
            yield Text.from_markup(
                "No model is registered yet. See [bold]pedigree register --help[/]."
            )
        else:
            columns = ("model", "latest#", "stages", "aliases", "owners", "created", "description")
            yield table(columns, map(_model_row, found.items))

    respond_list(found, as_json, view)


def _model_row(model: "RegisteredModel") -> "tuple[str | Text, ...]":
    return (
        model.name,
        str(model.latest_version),
        ", ".join(
            f"{stage} {' '.join(map(str, held))}" for stage, held in sorted(model.stages.items())
        ),
        ", ".join(f"{alias} → {version}" for alias, version in sorted(model.aliases.items())),
        ", ".join(model.owners),
        when(model.created_at),
        model.description or "",
    )


def create(
    name: NameArgument,
    description: DescriptionOption = None,
    owner: OwnerOption = None,
    tag: TagOption = None,
    as_json: JsonFlag = False,
) -> None:
    """Create a model without a version; a registration also creates its model."""
    tags = pairs("--tag", tag or ())
    with open_registry() as registry:
        made = registry.create_model(name, description=description, owners=owner or (), tags=tags)
    _show(made, as_json)


def show(name: NameArgument, as_json: JsonFlag = False) -> None:
    """Show a model and the versions that hold its stages and aliases."""
    with open_registry() as registry:
        _show(registry.model(name), as_json)


def update(
    name: NameArgument,
    description: DescriptionOption = None,
    owner: OwnerOption = None,
    tag: TagOption = None,
    unset: UnsetOption = None,
    as_json: JsonFlag = False,
) -> None:
    """Change a model's description, owners or tags."""
    tags = None if tag is None else pairs("--tag", tag)
    removable = ("description", "owners", "tags")
    changed = changes(unset, removable, description=description, owners=owner, tags=tags)
    with open_registry() as registry:
        updated = registry.update_model(name, **changed)
    _show(updated, as_json)


def rename(
    name: NameArgument,
    new_name: Annotated[str, typer.Argument(metavar="NEW", show_default=False)],
    as_json: JsonFlag = False,
) -> None:
    """Give a model another name; its history is found under both."""
    with open_registry() as registry:
        renamed = registry.rename_model(name, new_name)
    _show(renamed, as_json)


def _show(model: "RegisteredModel", as_json: bool) -> None:
    def view() -> object:
        held = {
            stage: " ".join(map(str, numbers)) for stage, numbers in sorted(model.stages.items())
        }
        rows = (
            ("model", model.name),
            ("description", model.description or NOT_PROVIDED),
            ("owners", ", ".join(model.owners)),
            ("tags", _joined(model.tags)),
            ("newest version", str(model.latest_version)),
            ("stages", _joined(held)),
            ("aliases", _joined(model.aliases)),
            ("made", when(model.created_at)),
            ("changed", when(model.last_updated_at)),
        )
        return table(("what", "is"), rows)

    respond(model, as_json, view)


def _joined(pairs_of: "dict[str, str] | dict[str, int]") -> str:
    return ", ".join(f"{name} {value}" for name, value in sorted(pairs_of.items()))
