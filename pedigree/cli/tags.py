"""``pedigree tag set | delete``: single tags of models and versions."""

from typing import Annotated

import typer

from pedigree.cli._input import JsonFlag
from pedigree.cli._output import respond
from pedigree.cli._session import open_registry

Subject = Annotated[
    str,
    typer.Argument(
        metavar="REF", help="NAME for the model; NAME/3, NAME@champion.", show_default=False
    ),
]
KeyArgument = Annotated[str, typer.Argument(metavar="KEY", show_default=False)]


def add_to(app: typer.Typer) -> None:
    """Add this group's commands."""
    group = typer.Typer(help="Set and delete single tags.", no_args_is_help=True)
    group.command("set")(set_tag)
    group.command("delete")(delete_tag)
    app.add_typer(group, name="tag", rich_help_panel="Change")


def set_tag(
    reference: Subject,
    key: KeyArgument,
    value: Annotated[str, typer.Argument(metavar="VALUE", show_default=False)],
    as_json: JsonFlag = False,
) -> None:
    """Set one tag of a model or of a version; the others stay."""
    with open_registry() as registry:
        registry.set_tag(reference, key, value)
    _answer(reference, key, value, as_json, f"The tag {key} of {reference} is {value}.")


def delete_tag(reference: Subject, key: KeyArgument, as_json: JsonFlag = False) -> None:
    """Remove one tag of a model or of a version; the others stay."""
    with open_registry() as registry:
        registry.delete_tag(reference, key)
    _answer(reference, key, None, as_json, f"{reference} has no tag {key} any more.")


def _answer(reference: str, key: str, value: str | None, as_json: bool, text: str) -> None:
    respond({"reference": reference, "key": key, "value": value}, as_json, lambda: text)
