"""``pedigree evaluation``: the metrics of a version for each group of its evaluation data."""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from pedigree.cli._input import JsonFlag, ReferenceArgument, read_text
from pedigree.cli._output import metrics_text, respond, table
from pedigree.cli._session import open_registry

if TYPE_CHECKING:
    from pedigree.evaluation.records import Evaluation


def add_to(app: typer.Typer) -> None:
    """Add this group's commands."""
    app.command("evaluation", rich_help_panel="Judge and promote")(evaluation)


def evaluation(
    reference: ReferenceArgument,
    file: Annotated[
        Path | None, typer.Option("--file", help="Store the evaluation in this JSON file.")
    ] = None,
    as_json: JsonFlag = False,
) -> None:
    """Show a version's metrics for each group of its evaluation data, or store them."""
    from pedigree.evaluation.records import Evaluation

    with open_registry() as registry:
        if file is not None:
            text = read_text("--file", file)
            registry.set_evaluation(reference, Evaluation.model_validate_json(text))
        kept = registry.evaluation(reference)

    def view() -> Iterator[object]:
        if kept is None:
            yield f"{reference} has no evaluation."
        else:
            yield from _evaluation_view(kept)

    respond(kept, as_json, view)


def _evaluation_view(kept: "Evaluation") -> Iterator[object]:
    groups = [("", kept.overall)]
    groups += [(each.name, group) for each in kept.slices for group in each.groups]
    rows = (
        (name, group.group, str(group.count), metrics_text(group.metrics)) for name, group in groups
    )
    yield table(("slice", "group", "rows#", "metrics"), rows)
