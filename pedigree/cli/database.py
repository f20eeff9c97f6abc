"""``pedigree schema | migrate | status | database``: the metadata schema, database and store."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated

import typer

from pedigree.cli._input import JsonFlag
from pedigree.cli._output import Raw, print_json, respond

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
    group = typer.Typer(help="Show the roles of the database.", no_args_is_help=True)
    group.command("roles")(roles)
    app.add_typer(group, name="database", rich_help_panel=PANEL)


def schema(as_json: JsonFlag = True) -> None:  # noqa: ARG001 (JSON is all it prints)
    """Print the JSON Schema of a version's metadata."""
    from pedigree.cards.schema import metadata_schema

    print_json(metadata_schema())


def migrate(as_json: JsonFlag = False) -> None:
    """Migrate the database's schema to this version of Pedigree."""
    from pedigree.settings import Settings

    with migrated_as_owner(Settings()) as (database, applied):
        shown = database.url_shown

    def view() -> Iterator[object]:
        if applied:
            yield f"{shown}: applied {', '.join(applied)}."
        else:
            yield f"{shown} is up to date."

    respond({"database": shown, "applied": applied}, as_json, view)


@contextmanager
def migrated_as_owner(settings: "Settings") -> "Iterator[tuple[Database, tuple[str, ...]]]":
    """Open the database as the owner of the schema, and migrate it; also give what was applied."""
    from pedigree.artifacts.store_owner import require_unused
    from pedigree.postgres.database import Database
    from pedigree.postgres.migrate import migrate as run_migrations

    has_roles = settings.database_owner_url is not None or not settings.database_url
    url = settings.database_owner_url or settings.database_url
    with Database.connect(url) if url else Database.embedded(settings.home_folder) as database:
        applied = run_migrations(
            database, begin=lambda: require_unused(store_of(settings)), roles=has_roles
        )
        yield database, applied


def store_of(settings: "Settings") -> "ObjectStore":
    """Open the object store that the settings name."""
    from pedigree.artifacts.objects import open_store
    from pedigree.artifacts.options import StoreOptions

    options = StoreOptions.of(settings)
    return open_store(settings.store_url, settings.home_folder, None, options)


def roles(
    as_sql: Annotated[
        bool, typer.Option("--sql", help="Print the commands for the owner of the database.")
    ] = False,
    as_json: JsonFlag = False,
) -> None:
    """Show how the roles of the database differ from what they should be, or what makes them so."""
    if as_sql:
        from pedigree.postgres.roles import roles_script

        script = roles_script()
        respond({"sql": script}, as_json, lambda: Raw(script))
        return
    from pedigree.postgres.fence import differences
    from pedigree.postgres.roles import is_fenced
    from pedigree.settings import Settings

    with _open(Settings()) as database:
        is_up, found = is_fenced(database), differences(database)

    def view() -> Iterator[object]:
        if not found.known:
            yield "The database has no roles of its own: every connection owns the tables."
            return
        yield f"The connections of Pedigree {'do not own' if is_up else 'own'} the tables."
        yield from (f"missing: {fact}" for fact in found.missing)
        yield from (f"not expected: {fact}" for fact in found.added)
        if not found.missing and not found.added:
            yield f"All {found.known} facts of the roles are as they should be."

    respond({"is_fenced": is_up, **found._asdict()}, as_json, view)


def _open(settings: "Settings") -> "Database":
    """Return the registry's database, as the application connects to it."""
    from pedigree.postgres.database import Database

    if settings.database_url:
        return Database.connect(settings.database_url)
    return Database.embedded(settings.home_folder, as_application=True)


def status(as_json: JsonFlag = False) -> None:
    """Show where the data is stored and what runs."""
    from pedigree.cli._status import status_document, status_view

    document = status_document()
    respond(document, as_json, lambda: status_view(document))
