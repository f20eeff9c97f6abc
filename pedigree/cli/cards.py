"""``pedigree card``: the model card of a version."""

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import typer

from pedigree.cli._input import JsonFlag, ReferenceArgument, read_text
from pedigree.cli._output import Raw, respond, table
from pedigree.cli._session import open_registry


def add_to(app: typer.Typer) -> None:
    """Add this group's commands."""
    app.command("card", rich_help_panel="Look up")(card)


def card(
    reference: ReferenceArgument,
    write: Annotated[
        bool, typer.Option("--write", help="Write it again from the present metadata.")
    ] = False,
    notes: Annotated[
        Path | None, typer.Option("--notes", help="Write it with the notes of this JSON file.")
    ] = None,
    fields: Annotated[
        bool, typer.Option("--fields", help="Show which of its fields are provided.")
    ] = False,
    as_json: JsonFlag = False,
) -> None:
    """Show a version's model card, or write it."""
    from pedigree.cards.records import CardNotes

    written = None if notes is None else CardNotes.model_validate_json(read_text("--notes", notes))
    with open_registry() as registry:
        exact = registry.get(reference).reference
        found = registry.write_card(exact, written) if write or written else registry.card(exact)
        provided = dict(registry.card_fields(exact)) if fields else {}

    def view() -> Iterator[object]:
        if fields:
            rows = ((name, "yes" if there else "no") for name, there in provided.items())
            yield table(("field", "provided"), rows)
        else:
            yield Raw(found.markdown)

    respond(provided if fields else found, as_json, view)
