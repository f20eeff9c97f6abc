"""``pedigree update | delete | hold | release``: what may change about a version."""

from typing import Annotated

import typer

from pedigree.cli._input import JsonFlag, ReferenceArgument, pairs
from pedigree.cli._session import open_registry

PANEL = "Change"
Reason = Annotated[
    str, typer.Option("--reason", help="Why; kept in the audit log.", show_default=False)
]


def add_to(app: typer.Typer) -> None:
    """Add this group's commands."""
    for name, command in (
        ("update", update),
        ("hold", hold),
        ("release", release),
        ("delete", delete),
    ):
        app.command(name, rich_help_panel=PANEL)(command)


def update(
    reference: ReferenceArgument,
    description: Annotated[str | None, typer.Option(help="What the version is.")] = None,
    owner: Annotated[
        list[str] | None, typer.Option(help="Who owns it; may be repeated, replaces all.")
    ] = None,
    tag: Annotated[
        list[str] | None, typer.Option(metavar="KEY=VALUE", help="Replaces all tags.")
    ] = None,
    as_json: JsonFlag = False,
) -> None:
    """Change a version's description, owners or tags."""
    tags = None if tag is None else pairs("--tag", tag)
    with open_registry() as registry:
        owners = None if owner is None else tuple(owner)
        updated = registry.update(reference, description=description, owners=owners, tags=tags)
    _answer(updated, as_json, "{reference} is updated.")


def hold(reference: ReferenceArgument, reason: Reason, as_json: JsonFlag = False) -> None:
    """Put a version under legal hold.

    It cannot be deleted until it is released.
    """
    with open_registry() as registry:
        registry.hold(reference, reason=reason)
        _answer(registry.get(reference), as_json, "{reference} is held.")


def release(reference: ReferenceArgument, as_json: JsonFlag = False) -> None:
    """Release a version from its legal hold."""
    with open_registry() as registry:
        registry.release(reference)
        _answer(registry.get(reference), as_json, "{reference} is released.")


def delete(reference: ReferenceArgument, reason: Reason, as_json: JsonFlag = False) -> None:
    """Delete a version; its number is never given out again."""
    with open_registry() as registry:
        gone = registry.get(reference)
        registry.delete(gone.reference, reason=reason)
        _answer(gone, as_json, "{reference} is deleted.")


def _answer(version: object, as_json: bool, sentence: str) -> None:
    from pedigree.cli._output import out, print_json

    if as_json:
        print_json(version)
    else:
        out.print(sentence.format(reference=getattr(version, "reference", "")), markup=False)
