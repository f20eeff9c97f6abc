"""Fixtures that all tests share: a real Postgres, one fresh migrated database a test.

One embedded server serves the whole session, also the workers of pytest-xdist. A database is
copied from a template that was migrated once.
"""

import gc
import os
import shutil
import signal
import tempfile
from collections.abc import Callable, Iterator
from contextlib import closing, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any

import hypothesis
import psycopg
import pytest
from psycopg import sql

from pedigree.postgres import Database, EmbeddedPostgres
from pedigree.postgres.migrate import migrate
from tests.databases import TEMPLATE, Databases
from tests.fencing import as_user, is_fenced, make_login
from tests.marking import (
    keep_modules_of_a_server_together,
    mark_remote_repeats,
)
from tests.order import put_longest_first
from tests.pooling import POOLER, pooled

if TYPE_CHECKING:
    from pedigree.registry import Registry
    from tests.receiving import Receiver

# One transaction at a time may make the template; the others wait for it.
TEMPLATE_LOCK = 515

# A crash of the machine may lose the tests' data, so nothing waits for the disk; a crash of the
# server may not, since that is tested.
FAST = {
    "fsync": "off",
    "full_page_writes": "off",
    "autovacuum": "off",
}

# The same examples in every run, and no deadline of an example: other work may hold up the machine.
hypothesis.settings.register_profile(
    "repeatable", derandomize=True, deadline=None, database=None, print_blob=True
)
hypothesis.settings.load_profile("repeatable")

# A database is some four hundred files, and each file that is registered is synced. On a disk that
# is most of the time that many tests take; in memory it is next to nothing.
MEMORY = Path("/dev/shm")
ROOM = 4 << 30


def pytest_configure() -> None:
    """Let tests write in memory where that can be, unless somebody has said where they shall.

    Numerical libraries get one thread each, also in the processes that tests start: their threads
    spin while they wait for each other, so on busy cores they need several times as long.
    """
    # A shell ignores SIGINT for a job in the background. Dagster then ignores SIGTERM as well, and
    # so would all processes that tests start.
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
        os.environ.setdefault(name, "1")
    # Logins of tests must not be in the keyring of whoever runs them.
    os.environ["PYTHON_KEYRING_BACKEND"] = "keyring.backends.fail.Keyring"
    if MEMORY.is_dir() and _serves(MEMORY):
        os.environ.setdefault("PYTEST_DEBUG_TEMPROOT", str(MEMORY))


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Iterator[None]:
    """Import the tests without looking for garbage, of which imports make none worth a pause."""
    gc.disable()
    try:
        return (yield)
    finally:
        gc.freeze()  # nor is it looked for later among what was imported
        gc.enable()


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark the tests before `-m` selects by the marker, and order them for the workers."""
    mark_remote_repeats(items)
    keep_modules_of_a_server_together(items)
    put_longest_first(items)


@pytest.hookimpl(wrapper=True)
def pytest_report_to_serializable() -> Iterator[None]:
    """Escape halves of characters in reports: a worker can send only Unicode text."""
    return _sendable((yield))


def _sendable(value: Any) -> Any:
    if isinstance(value, str):
        return value if value.isascii() else value.encode("utf-8", "backslashreplace").decode()
    if isinstance(value, dict):
        return {_sendable(key): _sendable(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return type(value)(map(_sendable, value)) if type(value) in (list, tuple) else value
    return value


def _serves(folder: Path) -> bool:
    """Tell whether it has room, may hold programs, and keeps attributes, which Swift needs."""
    if shutil.disk_usage(folder).free < ROOM or os.statvfs(folder).f_flag & os.ST_NOEXEC:
        return False
    try:
        with tempfile.NamedTemporaryFile(dir=folder) as file:
            os.setxattr(file.name, "user.pedigree", b"")
    except OSError:  # kernels before 6.6
        return False
    return True


@pytest.fixture(autouse=True)
def _no_settings_of_the_shell(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in os.environ:
        if name.startswith("PEDIGREE_"):
            monkeypatch.delenv(name)


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A home folder that does not exist yet."""
    return tmp_path / "home"


@pytest.fixture(scope="session")
def fast_settings() -> dict[str, str]:
    """Settings for an embedded server whose data nobody will miss."""
    return dict(FAST)


@pytest.fixture(scope="session")
def postgres(tmp_path_factory: pytest.TempPathFactory) -> EmbeddedPostgres:
    """The session's server, with the migrated template in it."""
    folder = tmp_path_factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        folder = folder.parent  # a worker's own folder lies in the one that all share
    server = EmbeddedPostgres(folder / "postgres", settings=FAST)
    _make_template(server)
    return server


def _make_template(server: EmbeddedPostgres) -> None:
    with psycopg.connect(server.url("postgres"), autocommit=True) as connection:
        connection.execute("SELECT pg_advisory_lock(%s)", [TEMPLATE_LOCK])
        query = "SELECT 1 FROM pg_database WHERE datname = %s AND datistemplate"
        if connection.execute(query, [TEMPLATE]).fetchone():
            return
        with Database.embedded(server, TEMPLATE) as template:
            migrate(template, roles=is_fenced())
        if is_fenced():
            make_login(connection)
        _make_passwords_cheap(connection)
        mark = sql.SQL("ALTER DATABASE {} IS_TEMPLATE true").format(sql.Identifier(TEMPLATE))
        connection.execute(mark)


def _make_passwords_cheap(connection: psycopg.Connection) -> None:
    """Hash the password once instead of 4,096 times: the tests open thousands of connections."""
    if connection.info.server_version < 160000:
        return
    connection.execute("SET scram_iterations = 1")
    again = sql.SQL("ALTER ROLE CURRENT_USER PASSWORD {}")
    connection.execute(again.format(sql.Literal(connection.info.password)))


@pytest.fixture(scope="session")
def databases(postgres: EmbeddedPostgres) -> Iterator[Databases]:
    """What makes databases ahead on the session's server, through a pooler if one is requested."""
    url = postgres.url("postgres")
    with (
        pooled(url) if POOLER in os.environ else nullcontext(_shown) as shown,
        closing(Databases(url, shown)) as databases,
    ):
        yield databases


def _shown(url: str) -> str:
    return as_user(url) if is_fenced() else url


@pytest.fixture
def make_database_url(databases: Databases) -> Iterator[Callable[..., str]]:
    """Make databases that go with the test: `make_database_url(template=None)` is an empty one."""
    with databases.lend() as make:
        yield make


@pytest.fixture
def database_url(make_database_url: Callable[..., str]) -> str:
    """The URL of a fresh migrated database."""
    return make_database_url()


@pytest.fixture
def database(database_url: str) -> Iterator[Database]:
    """A fresh migrated database."""
    with Database.connect(database_url) as database:
        yield database


@pytest.fixture
def registry(database: Database, home: Path) -> "Registry":
    """A registry on a fresh database and an empty local store, used by somebody called tester."""
    # Not above: a subject's tests shall run also while another subject does not import.
    from pedigree.artifacts.objects import open_store
    from pedigree.registry import Registry
    from pedigree.settings import Settings

    settings = Settings(home=home, actor="tester")
    return Registry(database, open_store(None, home), settings)


@pytest.fixture
def impatient(registry: "Registry") -> "Registry":
    """A registry in which what was deleted can be collected at once."""
    from datetime import timedelta

    from pedigree.registry import Registry

    settings = registry.settings.model_copy(update={"retention_window": timedelta(0)})
    return Registry(registry.database, registry.store, settings)


@pytest.fixture
def receiver() -> "Iterator[Receiver]":
    """Somebody on this machine whom webhooks tell."""
    from tests.receiving import receiving

    with receiving() as receiver:
        yield receiver
