"""``pedigree show``: everything about one version."""

from typing import TYPE_CHECKING

import typer

from pedigree.cli._input import JsonFlag, ReferenceArgument
from pedigree.cli._session import open_registry

if TYPE_CHECKING:
    from pedigree.registry import Registry


def add_to(app: typer.Typer) -> None:
    """Add this group's commands."""
    app.command("show", rich_help_panel="Look up")(show)


def show(reference: ReferenceArgument, as_json: JsonFlag = False) -> None:
    """Show everything about a version.

    Its metadata, code, data and whether that moved on, its verdicts, files and model card.
    """
    with open_registry() as registry:
        if as_json:
            from pedigree.cli._output import print_json

            print_json(_document(registry, reference))
        else:
            from pedigree.cli._output import out
            from pedigree.cli._version_view import version_view

            out.print(version_view(registry, reference), soft_wrap=True)


def _document(registry: "Registry", reference: str) -> dict[str, object]:
    version = registry.get(reference)
    exact = version.reference
    return {
        "version": version,
        "manifest": registry.manifest(exact),
        "trainings": registry.trainings(exact),
        "environment": registry.environment(exact),
        "lineage": registry.lineage(exact),
        "staleness": registry.stale(exact),
        "unmaterialized": registry.unmaterialized(exact),
        "verdicts": registry.verdicts(exact),
        "model_card": registry.card(exact),
    }
