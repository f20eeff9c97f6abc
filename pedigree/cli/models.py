"""``pedigree models | versions | timeline``: what there is, and who held what."""

from typing import TYPE_CHECKING

import typer

from pedigree.cli._input import JsonFlag, NameArgument
from pedigree.cli._session import open_registry

if TYPE_CHECKING:
    from rich.text import Text

    from pedigree.catalog.records import ModelVersion, RegisteredModel

PANEL = "Look up"


def add_to(app: typer.Typer) -> None:
    """Add this group's commands."""
    app.command("models", rich_help_panel=PANEL)(list_models)
    app.command("versions", rich_help_panel=PANEL)(list_versions)
    app.command("timeline", rich_help_panel=PANEL)(timeline)


def list_models(as_json: JsonFlag = False) -> None:
    """List the registered models and who holds their stages."""
    from pedigree.cli import _output

    with open_registry() as registry:
        found = registry.models()
    if as_json:
        _output.print_json(found)
    elif not found:
        _output.out.print("No model is registered yet. See [bold]pedigree register --help[/].")
    else:
        columns = ("model", "latest#", "stages", "aliases", "owners", "created", "description")
        _output.out.print(_output.table(columns, map(_model_row, found)))


def _model_row(model: "RegisteredModel") -> "tuple[str | Text, ...]":
    from pedigree.cli._output import when

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


def list_versions(name: NameArgument, as_json: JsonFlag = False) -> None:
    """List a model's versions, the newest first."""
    from pedigree.cli import _output

    with open_registry() as registry:
        found = tuple(sorted(registry.versions(name), key=lambda one: -one.version_id))
    if as_json:
        _output.print_json(found)
    else:
        columns = ("version#", "stage", "aliases", "metrics", "digest", "commit", "by", "created")
        _output.out.print(_output.table(columns, map(_version_row, found)))


def _version_row(version: "ModelVersion") -> "tuple[str | Text, ...]":
    from pedigree.cli._output import metrics_text, short_digest, stage_text, when

    return (
        str(version.version_id),
        stage_text(version.stage),
        ", ".join(version.aliases),
        metrics_text(version.metrics, limit=3),
        short_digest(version.digest),
        version.git_commit[:9] + ("*" if version.git_dirty else ""),
        version.created_by,
        when(version.created_at),
    )


def timeline(name: NameArgument, as_json: JsonFlag = False) -> None:
    """Show which version held which stage or alias, and when."""
    from pedigree.cli import _output

    with open_registry() as registry:
        tenures = registry.timeline(name)
    if as_json:
        _output.print_json(tenures)
        return
    rows = (
        (
            tenure.pointer,
            str(tenure.version_id),
            _output.when(tenure.since),
            _output.when(tenure.until),
            tenure.moved_by,
            tenure.reason or "",
        )
        for tenure in tenures
    )
    columns = ("stage or alias", "version#", "since", "until", "by", "reason")
    _output.out.print(_output.table(columns, rows))
