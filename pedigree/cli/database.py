"""``pedigree schema | migrate | status``: the registry's metadata schema, database and store."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

import typer

from pedigree.cli._input import JsonFlag
from pedigree.cli._output import print_json, respond

if TYPE_CHECKING:
    from pedigree.artifacts.objects import ObjectStore
    from pedigree.postgres.database import Database
    from pedigree.settings import Settings

PANEL = "Operate"


def add_to(app: typer.Typer) -> None:
    """Add this group's commands."""
    app.command("status", rich_help_panel=PANEL)(status)
    app.command("migrate", rich_help_panel=PANEL)(migrate)
    app.command("schema", rich_help_panel=PANEL)(schema)


def schema(as_json: JsonFlag = True) -> None:  # noqa: ARG001 (JSON is all it prints)
    """Print the JSON Schema of a version's metadata."""
    from pedigree.cards.schema import metadata_schema

    print_json(metadata_schema())


def migrate(as_json: JsonFlag = False) -> None:
    """Migrate the database's schema to this version of Pedigree."""
    from pedigree.artifacts.store_owner import require_unused
    from pedigree.postgres.migrate import migrate as run_migrations
    from pedigree.settings import Settings

    settings = Settings()
    with _open(settings) as database:
        applied = run_migrations(database, begin=lambda: require_unused(_store(settings)))
        shown = database.url_shown

    def view() -> Iterator[object]:
        if applied:
            yield f"{shown}: applied {', '.join(applied)}."
        else:
            yield f"{shown} is up to date."

    respond({"database": shown, "applied": applied}, as_json, view)


def _open(settings: "Settings") -> "Database":
    from pedigree.postgres.database import Database

    if settings.database_url:
        return Database.connect(settings.database_url)
    return Database.embedded(settings.home_folder)


def _store(settings: "Settings") -> "ObjectStore":
    from pedigree.artifacts.objects import open_store
    from pedigree.artifacts.options import StoreOptions

    options = StoreOptions.of(settings)
    return open_store(settings.store_url, settings.home_folder, None, options)


def status(as_json: JsonFlag = False) -> None:
    """Show where the data is stored and what runs."""
    from pedigree.cli._status import status_document, status_view

    document = status_document()
    respond(document, as_json, lambda: status_view(document))
