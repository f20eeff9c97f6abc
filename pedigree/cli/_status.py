"""The state that ``pedigree status`` shows, found without starting anything."""

import sys
from collections.abc import Callable, Mapping
from functools import partial
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from typing import TYPE_CHECKING, TypeAlias

from pedigree.distribution import DISTRIBUTION, namesake, requirement
from pedigree.errors import PedigreeError
from pedigree.home_lock import running
from pedigree.settings import Settings, redact_url

if TYPE_CHECKING:
    from rich.table import Table

    from pedigree.postgres.database import Database

_MOST_FAILURES = 100
_DatabaseState: TypeAlias = tuple[dict[str, object], list[dict[str, object]] | None]
_FENCE = {
    True: "up: this role does not own the tables",
    False: "down: this role owns the tables, see docs/database.md",
}
_VERSIONS = (DISTRIBUTION, "dagster", "dagster-webserver", "psycopg", "obstore", "scikit-learn")


def status_document() -> dict[str, object]:
    """Return the state of each part by name; None for a part that was not checked."""
    settings = Settings()
    server = running(settings.home_folder)
    database, failing = _database(settings)
    return {
        "home": str(settings.home_folder),
        "database": database,
        "store": redact_url(settings.store_url) if settings.store_url else _local_store(settings),
        "scans": _scans(),
        "server": {"up": server is not None, "url": server.url if server else None},
        "failing": failing,
        "versions": {"python": sys.version.split()[0], **_versions()},
        "conflict": None if (other := namesake()) is None else str(other),
    }


def _scans() -> dict[str, object]:
    """Return how this platform confines the processes that scan artifacts, by trying it."""
    from pedigree.untrusted.processes import confinement

    try:
        found = confinement()
    except PedigreeError as error:
        return {"memory": "unknown", "network": f"unknown: {error}"}
    return {
        "memory": "limited" if found["memory"] else "not limited: this platform cannot",
        "network": f"cut by {found['network']}"
        if found["network"]
        else "open: this platform has neither seccomp nor network namespaces for this user",
    }


def _local_store(settings: Settings) -> str:
    return (settings.home_folder / "objects").as_uri()


def _database(settings: Settings) -> _DatabaseState:
    if find_spec("psycopg") is None:
        return _described(None, "unknown", f"not known: {requirement('registry')} is not installed")
    from pedigree.postgres.database import Database

    if settings.database_url:
        shown = redact_url(settings.database_url)
        return _reached(shown, lambda: Database.connect(str(settings.database_url)))
    from pedigree.postgres.embedded import EmbeddedPostgres

    state = EmbeddedPostgres(settings.home_folder).status()
    shown = f"embedded, in {state.folder}"
    if state.state != "running":
        return _described(shown, state.state, "not known while it does not run")
    return _reached(shown, lambda: Database.embedded(settings.home_folder, as_application=True))


def _reached(shown: str, connect: "Callable[[], Database]") -> _DatabaseState:
    from pedigree.postgres.migrate import pending
    from pedigree.postgres.roles import is_fenced

    try:
        with connect() as database:
            behind = pending(database)
            failing = None if behind else _failing(database)
            fence = _FENCE[is_fenced(database)]
    except PedigreeError as error:
        return _described(shown, "unreachable", str(error))
    schema = f"behind by {', '.join(behind)}: run `pedigree migrate`" if behind else "current"
    return _described(shown, "running", schema, failing, fence=fence)


def _failing(database: "Database") -> "list[dict[str, object]]":
    """Return the members of background work that failed and are tried again."""
    from pedigree.failures.store import failures

    found = database.read(partial(failures, limit=_MOST_FAILURES))
    return [failure.model_dump(mode="json") for failure in found]


def _described(
    shown: str | None,
    state: str,
    schema: str,
    failing: list[dict[str, object]] | None = None,
    *,
    fence: str | None = None,
) -> _DatabaseState:
    return {"url": shown, "state": state, "schema": schema, "fence": fence}, failing


def _versions() -> dict[str, str | None]:
    found: dict[str, str | None] = {}
    for name in _VERSIONS:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            found[name] = None
    return found


def _rows(value: object) -> Mapping[str, object]:
    match value:
        case Mapping():
            return value
        case []:
            return {"": "nothing"}
        case list():
            return {
                f"{each['work']}: {each['member']}": f"{each['problem']} ({each['attempts']} times"
                f" since {each['failed_since']}, again at {each['next_at']})"
                for each in value
            }
        case _:
            return {"": value}


def status_view(document: Mapping[str, object]) -> "Table":
    """Return the document as a table."""
    from rich.table import Table
    from rich.text import Text

    from pedigree.cli._output import NOT_PROVIDED

    grid = Table.grid(padding=(0, 2))
    grid.add_column(style="dim", no_wrap=True)
    grid.add_column(overflow="fold")
    for name, value in document.items():
        inner = _rows(value)
        for key, one in inner.items():
            shown = {True: "yes", False: "no"}.get(one, one) if isinstance(one, bool) else one
            cell = NOT_PROVIDED if shown is None else Text(str(shown))
            grid.add_row(f"{name} {key}".strip(), cell)
    return grid
