"""Make a home read-only: ``unshare -rm python -m tests.faults.read_only_home FOLDER``.

Prints as JSON what each use of it ends in, and what is there when it is writable again.
"""

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from pedigree.errors import PedigreeError
from pedigree.home_lock import hold
from pedigree.postgres import Database, EmbeddedPostgres
from pedigree.postgres.migrate import migrate
from pedigree.registry import Registry
from pedigree.settings import Settings
from tests.factories import artifact, new_version


def main(folder: Path) -> dict[str, object]:
    """Use a new home, one with a registry, and one whose database is elsewhere."""
    new, used, objects = (folder / name for name in ("new", "used", "objects"))
    for home in (new, used, objects):
        home.mkdir()
    model = artifact(folder / "source", "weights")
    server = EmbeddedPostgres(used, settings={"fsync": "off"})
    server.ensure()
    with connect(used) as registry:
        kept = registry.register("churn", model, new_version()).version.reference
        url = server.url("elsewhere")
        with Database.connect(url) as database:
            migrate(database)
        with read_only(new), read_only(objects), connect(objects, url) as elsewhere:
            found = {f"new: {each}": error for each, error in uses(new)} | {
                "objects: register": error_of(
                    lambda: elsewhere.register("churn", model, new_version())
                ),
                "objects: models": [model.name for model in elsewhere.models()],
            }
    server.stop(force=True)
    with read_only(used):
        found |= {f"used: {each}": error for each, error in uses(used)}
        found["used: state"] = server.status().state
    server.ensure()
    with connect(used) as registry:
        found["kept"] = [each.reference for each in registry.versions("churn")] == [kept]
        found["violations"] = [str(one) for one in registry.fsck().checks if one.violations]
    server.stop(force=True)
    return found


def connect(home: Path, url: str | None = None) -> Registry:
    """Connect to the registry of a home."""
    return Registry.connect(settings=Settings(home=home, actor="tester", database_url=url))


def uses(home: Path) -> Iterator[tuple[str, object]]:
    """Yield what each use of a home without its database ends in."""
    yield "connect", error_of(lambda: connect(home))
    yield "up", error_of(lambda: hold(home).__enter__())
    if (home / "postgres").exists():
        yield "down", error_of(lambda: EmbeddedPostgres(home).stop(force=True))


def error_of(work: Callable[[], object]) -> list[str | None] | None:
    """Return the type, field, value and text of the error that some work ends in."""
    try:
        work()
    except PedigreeError as error:
        return [type(error).__name__, error.field, error.value, str(error)]
    return None


@contextmanager
def read_only(folder: Path) -> Iterator[None]:
    """Make a folder read-only, for root as well."""
    subprocess.run(["mount", "--bind", folder, folder], check=True)
    subprocess.run(["mount", "-o", "remount,bind,ro", folder], check=True)
    try:
        yield
    finally:
        subprocess.run(["umount", "--lazy", folder], check=True)


if __name__ == "__main__":
    sys.stdout.write(json.dumps(main(Path(sys.argv[1]))))
