"""PgBouncer in transaction mode, in front of the tests' server.

``make test-pooler`` runs the tests of the service through it.
"""

import re
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
from psycopg.conninfo import conninfo_to_dict

from pedigree.postgres._account import choose_account
from tests.artifacts.servers.waiting import wait_until

# If this variable is set, the tests reach their databases through the pooler.
POOLER = "TEST_THROUGH_PGBOUNCER"
PORT = 6432
# Debian puts it where the search path of an ordinary user does not lead.
PROGRAM = shutil.which("pgbouncer") or shutil.which("pgbouncer", path="/usr/sbin")
MISSING = "PgBouncer is not installed: apt-get install pgbouncer"

# The defaults pass on no options of a session and prepare nothing, as the oldest supported ones do.
_SETTINGS = """\
[databases]
* = host='{host}' port={port} user='{user}' password='{password}'
[pgbouncer]
pool_mode = transaction
auth_type = any
unix_socket_dir = {folder}
listen_port = {own_port}
max_client_conn = 1000
default_pool_size = 10
"""


@contextmanager
def pooled(url: str) -> Iterator[Callable[[str], str]]:
    """Run a pooler, and yield what turns a URL of the server into one of the pooler."""
    assert PROGRAM, MISSING
    given, account = conninfo_to_dict(url), choose_account()
    with tempfile.TemporaryDirectory(prefix="pdg-pool-", dir="/tmp") as name:
        folder = Path(name)
        file = folder / "pgbouncer.ini"
        file.write_text(_SETTINGS.format(**given, folder=folder, own_port=PORT))
        account.own(folder, file)

        def shown(url: str) -> str:
            database = re.search(r"@/(\w+)\?", url)
            assert database
            return f"postgresql://pooled@/{database[1]}?host={folder}&port={PORT}"

        def answers() -> bool:
            try:
                psycopg.connect(shown(url)).close()
            except psycopg.OperationalError:
                return False
            return True

        process = subprocess.Popen([PROGRAM, "-q", str(file)], **account.popen_options())
        try:
            wait_until(answers, "the start of PgBouncer")
            yield shown
        finally:
            process.terminate()
            process.wait()
