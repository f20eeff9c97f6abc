"""Migrating from zero results in the committed schema.

After adding a migration, refresh the dump::

    REFRESH=1 python -m pytest tests/postgres/test_schema.py
"""

import re
import subprocess
from pathlib import Path

from pedigree.postgres import Database, EmbeddedPostgres
from pedigree.postgres._binaries import find_binaries
from pedigree.postgres.migrate import migrate
from tests.committed import check

DUMP = Path(__file__).parents[2] / "pedigree" / "postgres" / "schema.sql"
HEADER = "-- What the migrations make, written by tests/postgres/test_schema.py. Do not edit.\n\n"
# Lines that differ between pg_dumps without a difference in the schema: its version, a random key,
# the session's settings, the owner's name, and comments that repeat each statement's name.
NOISE = re.compile(r"--.*|\\(un)?restrict .*|SET .*|SELECT pg_catalog\.set_config.*")


def dump_schema(server: EmbeddedPostgres, url: str) -> str:
    """Return the database's schema as SQL, without varying lines."""
    program = find_binaries(server.status().major).program("pg_dump")
    command = [program, "--schema-only", "--no-owner", "--no-privileges", "--dbname", url]
    answer = subprocess.run(command, capture_output=True, text=True, check=True)
    lines = (line for line in answer.stdout.splitlines() if not NOISE.fullmatch(line))
    return HEADER + re.sub(r"\n{3,}", "\n\n", "\n".join(lines)).strip() + "\n"


def test_migrating_from_zero_results_in_the_committed_schema(postgres, make_database_url):
    url = make_database_url(template=None)
    with Database.connect(url) as database:
        migrate(database)
    dump = dump_schema(postgres, url)
    check(DUMP, dump)
