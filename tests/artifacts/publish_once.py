"""Publish and seal one artifact: ``python -m … DATABASE_URL STORE_URL PATH HOME``."""

import sys
from pathlib import Path

from pedigree.artifacts.objects import open_store
from pedigree.postgres.database import Database
from tests.artifacts.publishing import publish_and_seal

if __name__ == "__main__":
    database_url, store_url, path, home = sys.argv[1:]
    with Database.connect(database_url) as database:
        store = open_store(store_url, Path(home))
        sys.stdout.write(publish_and_seal(database, store, Path(path)).digest)
