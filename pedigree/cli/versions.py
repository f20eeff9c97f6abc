"""``pedigree versions | show | compare | update | trainings …``: the versions of a model."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated

import typer
from rich.text import Text

from pedigree.cli._changes import UnsetOption, changes
from pedigree.cli._comparison_view import comparison_view
from pedigree.cli._input import JsonFlag, LimitOption, NameArgument, ReferenceArgument, pairs
from pedigree.cli._lists import Listing, page_of, respond_list
from pedigree.cli._output import (
    Raw,
    metrics_text,
    out,
    respond,
    short_digest,
    stage_text,
    table,
    when,
)
from pedigree.cli._session import open_registry

if TYPE_CHECKING:
    from pedigree.catalog.records import ModelVersion
    from pedigree.contract.registry import RegistryContract


def add_to(app: typer.Typer) -> None:
    """Add this group's commands."""
    for name, command in (
        ("versions", list_versions),
        ("show", show),
        ("compare", compare),
        ("trainings", trainings),
        ("environment", environment),
    ):
        app.command(name, rich_help_panel="Look up")(command)
    app.command("update", rich_help_panel="Change")(update)


def list_versions(
    name: NameArgument,
    limit: LimitOption = 1000,
    before: Annotated[
        int | None,
        typer.Option("--before", help="Start before this number.", show_default=False),
    ] = None,
    as_json: JsonFlag = False,
) -> None:
    """List a model's versions, newest first."""
    with open_registry() as registry:
        found = page_of(
            lambda most: registry.versions(name, limit=most, after=before, newest_first=True),
            limit,
            lambda one: one.version_id,
            "--before",
        )

    def view() -> object:
        columns = ("version#", "stage", "aliases", "metrics", "digest", "commit", "by", "created")
        return table(columns, map(_version_row, found.items))

    respond_list(found, as_json, view)


def _version_row(version: "ModelVersion") -> "tuple[str | Text, ...]":
    return (
        str(version.version_id),
        stage_text(version.stage),
        ", ".join(version.aliases),
        metrics_text(version.metrics, limit=3),
        short_digest(version.digest) or version.state.value,
        (version.git_commit or "")[:9] + ("*" if version.git_dirty else ""),
        version.created_by,
        when(version.created_at),
    )


def show(reference: ReferenceArgument, as_json: JsonFlag = False) -> None:
    """Show everything about a version.

    Its metadata, code, data and staleness, its verdicts, files and model card.
    """
    from pedigree.cli._version_view import version_view

    with open_registry() as registry:
        respond(
            lambda: _document(registry, reference),
            as_json,
            lambda: out.print(version_view(registry, reference), soft_wrap=True),
        )


def _document(registry: "RegistryContract", reference: str) -> dict[str, object]:
    version = registry.get(reference)
    exact = version.reference
    return {
        "version": version,
        "manifest": registry.manifest(exact) if version.digest else None,
        "trainings": registry.trainings(exact),
        "environment": registry.environment(exact),
        "lineage": registry.lineage(exact),
        "staleness": registry.stale(exact),
        "unmaterialized": registry.unmaterialized(exact),
        "verdicts": registry.verdicts(exact),
        "model_card": registry.card(exact),
    }


def compare(
    a: Annotated[
        str, typer.Argument(metavar="A", help="NAME/3 or NAME@production.", show_default=False)
    ],
    b: Annotated[
        str, typer.Argument(metavar="B", help="Another, also of another model.", show_default=False)
    ],
    as_json: JsonFlag = False,
) -> None:
    """Show the differences between version A and version B."""
    with open_registry() as registry:
        found = registry.compare(a, b)
    respond(found, as_json, lambda: comparison_view(found))


def update(
    reference: ReferenceArgument,
    description: Annotated[str | None, typer.Option(help="What the version is.")] = None,
    owner: Annotated[
        list[str] | None, typer.Option(help="An owner; repeatable, replaces all owners.")
    ] = None,
    tag: Annotated[
        list[str] | None,
        typer.Option(metavar="KEY=VALUE", help="A tag to set; repeatable, other tags stay."),
    ] = None,
    unset: UnsetOption = None,
    as_json: JsonFlag = False,
) -> None:
    """Change a version's description, owners or tags."""
    tags = None if tag is None else pairs("--tag", tag)
    owners = None if owner is None else tuple(owner)
    removable = ("description", "owners", "tags")
    changed = changes(unset, removable, description=description, owners=owners, tags=tags)
    with open_registry() as registry:
        updated = registry.update(reference, **changed)
    respond(updated, as_json, lambda: f"{updated.reference} is updated.")


def trainings(
    reference: ReferenceArgument,
    limit: LimitOption = 100,
    after: Annotated[
        str | None, typer.Option("--after", help="The last id of the previous page.")
    ] = None,
    as_json: JsonFlag = False,
) -> None:
    """List the runs that produced a version's bytes, oldest first."""
    with open_registry() as registry:
        found = page_of(
            lambda most: registry.trainings(reference, limit=most, after=after),
            limit,
            lambda one: one.training_id,
        )

    def view() -> object:
        rows = (
            (
                one.training_id,
                one.metadata.run_id or "",
                (one.metadata.git_commit or "")[:9],
                one.verification.status.value,
                when(one.created_at),
            )
            for one in found.items
        )
        return table(("id", "run", "commit", "predictions", "at"), rows)

    respond_list(found, as_json, view)


def environment(reference: ReferenceArgument, as_json: JsonFlag = False) -> None:
    """List the packages that a version was trained with."""
    with open_registry() as registry:
        found = registry.environment(reference)

    def view() -> Iterator[object]:
        for package in found:
            yield Raw(package)

    respond_list(Listing(items=found), as_json, view)
