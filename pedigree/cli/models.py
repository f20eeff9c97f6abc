"""``pedigree models | versions | timeline | as-of``: what there is, and who held what when."""

from typing import TYPE_CHECKING, Annotated, TypeAlias

import typer

from pedigree.cli._input import JsonFlag, LimitOption, NameArgument, read_moment
from pedigree.cli._session import open_registry
from pedigree.errors import InvalidInputError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from rich.table import Table
    from rich.text import Text

    from pedigree.catalog.records import ModelVersion, RegisteredModel
    from pedigree.lifecycle.records import Tenure

StageOption: TypeAlias = Annotated[
    str | None, typer.Option("--stage", help="Only this stage.", show_default=False)
]
AliasOption: TypeAlias = Annotated[
    str | None, typer.Option("--alias", help="Only this alias.", show_default=False)
]

PANEL = "Look up"


def add_to(app: typer.Typer) -> None:
    """Add this group's commands."""
    app.command("models", rich_help_panel=PANEL)(list_models)
    app.command("versions", rich_help_panel=PANEL)(list_versions)
    app.command("timeline", rich_help_panel=PANEL)(timeline)
    app.command("as-of", rich_help_panel=PANEL)(as_of)


def list_models(
    limit: LimitOption = 1000,
    after: Annotated[
        str | None, typer.Option("--after", help="Go on behind this name.", show_default=False)
    ] = None,
    as_json: JsonFlag = False,
) -> None:
    """List the registered models and who holds their stages."""
    from pedigree.cli import _output

    with open_registry() as registry:
        found = registry.models(limit=limit, after=after)
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


def list_versions(
    name: NameArgument,
    limit: LimitOption = 1000,
    before: Annotated[
        int | None,
        typer.Option("--before", help="Go on before this number.", show_default=False),
    ] = None,
    as_json: JsonFlag = False,
) -> None:
    """List a model's versions, the newest first."""
    from pedigree.cli import _output

    with open_registry() as registry:
        found = registry.versions(name, limit=limit, after=before, newest_first=True)
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


def timeline(
    name: NameArgument,
    stage: StageOption = None,
    alias: AliasOption = None,
    limit: LimitOption = 1000,
    before: Annotated[
        int | None,
        typer.Option("--before", help="Go on before this tenure_id.", show_default=False),
    ] = None,
    as_json: JsonFlag = False,
) -> None:
    """Show which version held which stage or alias, and when."""
    from pedigree.cli import _output

    with open_registry() as registry:
        pointer = _pointer(stage, alias)
        tenures = registry.timeline(name, pointer, limit=limit, before=before)
    if as_json:
        _output.print_json(tenures)
    else:
        _output.out.print(tenure_table(tenures))


def as_of(
    name: NameArgument,
    moment: Annotated[
        str,
        typer.Argument(
            metavar="MOMENT", help="Such as 2026-03-01T12:00Z, with its zone.", show_default=False
        ),
    ],
    stage: StageOption = None,
    alias: AliasOption = None,
    as_json: JsonFlag = False,
) -> None:
    """Show which version each stage and alias pointed to at a moment, who moved it, and why."""
    from pedigree.cli import _output

    with open_registry() as registry:
        tenures = registry.as_of(name, read_moment("moment", moment), _pointer(stage, alias))
    if as_json:
        _output.print_json(tenures)
    elif tenures:
        _output.out.print(tenure_table(tenures))
    else:
        _output.out.print("Nothing was held then.")


def tenure_table(tenures: "Iterable[Tenure]") -> "Table":
    """Return tenures as a table."""
    from pedigree.cli import _output

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
    return _output.table(columns, rows)


def _pointer(stage: str | None, alias: str | None) -> str | None:
    if stage and alias:
        raise InvalidInputError(
            "is given beside --stage", field="--alias", value=alias, remedy="Give one of the two"
        )
    return f"stage:{stage}" if stage else f"alias:{alias}" if alias else None
