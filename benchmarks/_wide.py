"""A registry with models of 100 versions and one of 100,000, to compare their costs."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

from benchmarks._million import fill
from benchmarks._million_rows import Shape, name_of
from pedigree import Registry, Settings
from pedigree.artifacts.objects import open_store
from pedigree.postgres import Database, EmbeddedPostgres
from pedigree.postgres.migrate import migrate

_WIDE = "wide"
_SMALL = Shape(models=1000, versions=100)
_LARGE = Shape(models=1, versions=100_000, first_model=1001)

SMALL_MODEL = name_of(_SMALL.first_model + 1)
"""A model of 100 versions."""
LARGE_MODEL = name_of(_LARGE.first_model)
"""The model of 100,000 versions."""


@contextmanager
def wide(home: Path) -> Iterator[Registry]:
    """Open that registry: a database of its own on the server of another registry."""
    server = EmbeddedPostgres(home)
    with Database.embedded(server, _WIDE) as database:
        migrate(database)
        if not database.fetch_all("SELECT FROM pedigree.registered_model LIMIT 1"):
            fill(server.url(_WIDE), _SMALL, _LARGE)
        # A search that a busy machine slows down still has a time to compare.
        settings = Settings(home=home, search_timeout=timedelta(minutes=5))
        yield Registry(database, open_store(None, home), settings)
