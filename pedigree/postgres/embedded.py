"""Embedded Postgres without installation, account or port: one server per home folder.

::

    server = EmbeddedPostgres(Path(".pedigree"))
    psycopg.connect(server.url("pedigree"))     # starts it, or attaches to the running one

Many processes can use it. The first client starts a detached supervisor
(:mod:`pedigree.postgres._supervisor`), each client holds a shared lock until it exits, and the
server stops when no process holds the lock.
"""

import os
import re
import signal
import threading
import time
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import quote

import psycopg
from psycopg import sql

from pedigree.errors import EmbeddedPostgresError, InvalidInputError
from pedigree.postgres import _locks
from pedigree.postgres._application_role import application_url
from pedigree.postgres._cluster import ROLE
from pedigree.postgres._embedded_status import EmbeddedState, EmbeddedStatus
from pedigree.postgres._launch import SUPERVISOR, launch_supervisor
from pedigree.postgres._layout import PORT, Layout
from pedigree.postgres._processes import command_line, describe
from pedigree.postgres._server import take_over

DEFAULT_GRACE_S = 3.0
_START_S = 75.0
# For how long a server in the state "ready" may refuse connections, as it does while it stops.
_ANSWER_S = 10.0
_DEATHS = 5
_STOP_S = 45.0
# Serializes the creation of databases: concurrent CREATE DATABASE statements fail.
_CREATE_DATABASE_LOCK = 0x9ED16EE

# Closed by the kernel when the process exits. A forked child shares the parent's lock on purpose:
# it may use inherited connections, so the server must outlive it, too.
_held: dict[Path, int] = {}
_guard = threading.RLock()


def _renew_guard() -> None:
    global _guard  # noqa: PLW0603  it may be held by a thread that the child does not have
    _guard = threading.RLock()


os.register_at_fork(after_in_child=_renew_guard)


class EmbeddedPostgres:
    """A client of the embedded server of one home folder.

    The constructor has no effects. The server's files are in ``<home>/postgres`` and nothing
    outside is changed, except that a path too long for a socket needs a private folder in temp.

    Args:
        home: The home folder; created with private access if it does not exist.
        grace_s: Seconds without a user after which the server stops.
        settings: Postgres settings, used if this process starts the server. The default is
            durable; ``{"fsync": "off"}`` is for tests.
    """

    def __init__(
        self,
        home: Path,
        *,
        grace_s: float = DEFAULT_GRACE_S,
        settings: Mapping[str, str] | None = None,
    ) -> None:
        self._layout = Layout(home.absolute())
        self._grace_s = grace_s
        self._settings = dict(settings or {})

    @property
    def folder(self) -> Path:
        """The folder of the server's data, password and logs."""
        return self._layout.folder

    def ensure(self) -> None:
        """Ensure that the server answers: attach to it, or start or restart it.

        From then on this process counts as a user until it exits. Call it again after a connection
        was lost; if the server answers, it costs one connection (about 3 ms).

        Raises:
            EmbeddedPostgresError: No Postgres is installed, the data has another major version, or
                the server cannot be started; the message says which.
        """
        with _guard, self._layout.failures():
            self._layout.create()
            _hold(self._layout.users)
            if self._refusal("postgres") is not None:
                with _locks.exclusive(self._layout.start, timeout_s=_START_S):
                    self._bring_up()

    def url(self, database: str) -> str:
        """Return the libpq URL of a database, which is created if it does not exist.

        It contains the password. psycopg, psycopg2 and SQLAlchemy accept it.

        Raises:
            InvalidInputError: The name is not lower-case letters, digits and underscores.
            EmbeddedPostgresError: See :meth:`ensure`.
        """
        if not re.fullmatch(r"[a-z_][a-z0-9_]{0,62}", database):
            raise InvalidInputError(
                "a database name has only lower-case letters, digits and underscores",
                field="database",
                value=database,
            )
        self.ensure()
        with self._layout.failures():
            if self._refusal(database) is not None:
                self._create_database(database)
            return self._url(database)

    def application_url(self, database: str, *, owns: bool = False) -> str:
        """Return the URL of a database for the application's role, which is not a superuser.

        Args:
            database: The database, which is created if it does not exist.
            owns: Whether the role owns the database and its tables, such as those of Dagster.

        Raises:
            InvalidInputError: The name is not lower-case letters, digits and underscores.
            EmbeddedPostgresError: See :meth:`ensure`.
        """
        as_owner = self.url(database)
        with self._layout.failures():
            return application_url(as_owner, self._layout, owns=owns)

    def stop(self, *, force: bool = False) -> bool:
        """Stop the server, and return whether it was running. This process is no longer a user.

        Args:
            force: Stop it also if other processes use it. They start it again when they need it,
                so for them this is a restart.

        Raises:
            EmbeddedPostgresError: Other processes use it (the message lists them), or it does not
                stop in time.
        """
        layout = self._layout
        if not layout.folder.exists():
            return False
        with _guard, layout.failures(), _locks.exclusive(layout.start, timeout_s=_START_S):
            held = _release(layout.users)
            if not force and _used_by_others(layout.users):
                if held:
                    _hold(layout.users)
                raise EmbeddedPostgresError(
                    f"the server in {layout.folder} is in use by "
                    f"{describe(_locks.holders(layout.users))}",
                    remedy="Stop them first",
                )
            return self._stop_supervisor()

    def status(self) -> EmbeddedStatus:
        """Return the status of the server, without a connection and without starting it.

        Raises:
            EmbeddedPostgresError: A file of the home folder cannot be read.
        """
        with self._layout.failures():
            return self._status()

    def _status(self) -> EmbeddedStatus:
        layout = self._layout
        major = layout.major()
        supervised = _locks.is_held(layout.supervisor)
        postmaster = layout.postmaster() if _locks.is_held(layout.server) else None
        state: EmbeddedState = "stopped"
        if supervised or postmaster:
            state = "running" if postmaster and postmaster[1] == "ready" else "starting"
        elif major is None:
            state = "lost" if layout.had_data else "absent"
        return EmbeddedStatus(
            folder=layout.folder,
            state=state,
            major=major,
            pid=postmaster[0] if postmaster else None,
            supervisor_pid=layout.supervisor_pid() if supervised else None,
            in_use=_locks.is_used(layout.users),
            users=_locks.holders(layout.users),
        )

    def _url(self, database: str) -> str:
        password = self._layout.password.read_text(encoding="utf-8")
        folder = self._layout.socket_folder() or self._layout.folder
        host = quote(str(folder), safe="")
        # The port is part of the socket's name; without it, the shell's PGPORT would apply.
        return f"postgresql://{ROLE}:{password}@/{database}?host={host}&port={PORT}"

    def _refusal(self, database: str) -> str | None:
        """Try to connect, and return the reason of a failure; None on success.

        Only a connection is proof: a process ID may belong to a zombie, and a server in recovery
        answers pings.
        """
        # A server whose supervisor was killed is about to stop, or will never stop.
        if not _locks.is_held(self._layout.supervisor) or self._layout.socket_folder() is None:
            return "it is not running"
        try:
            psycopg.connect(self._url(database), connect_timeout=5).close()
        except FileNotFoundError:
            return "its password file is missing"
        except psycopg.OperationalError as error:
            return str(error).strip()
        return None

    def _bring_up(self) -> None:
        layout = self._layout
        began = time.monotonic()
        deaths = 0
        while (refusal := self._refusal("postgres")) is not None:
            state = self.status().state
            if time.monotonic() - began > (_ANSWER_S if state == "running" else _START_S):
                raise EmbeddedPostgresError(
                    f"the server in {layout.folder} does not answer: {refusal}",
                    remedy=f"See {layout.log} and {layout.supervisor_log}",
                )
            if _locks.is_held(layout.supervisor):
                time.sleep(_locks.POLL_S)  # it is starting, recovering or stopping
            elif not launch_supervisor(layout, self._grace_s, self._settings, _START_S):
                deaths += 1
                if deaths == _DEATHS:
                    raise EmbeddedPostgresError(
                        f"the supervisor of {layout.folder} died each time it started Postgres",
                        remedy=f"See {layout.supervisor_log}",
                    )

    def _create_database(self, name: str) -> None:
        with psycopg.connect(self._url("postgres"), autocommit=True) as connection:
            connection.execute("SELECT pg_advisory_lock(%s)", [_CREATE_DATABASE_LOCK])
            query = "SELECT 1 FROM pg_database WHERE datname = %s"
            if connection.execute(query, [name]).fetchone() is None:
                # template0 has no connections, which would prevent copying it
                statement = sql.SQL("CREATE DATABASE {} TEMPLATE template0")
                connection.execute(statement.format(sql.Identifier(name)))

    def _stop_supervisor(self) -> bool:
        layout = self._layout
        if not _locks.is_held(layout.supervisor):
            if not _locks.is_held(layout.server):
                return False
            os.close(take_over(layout))  # its supervisor was killed
            return True
        pid = layout.supervisor_pid()
        if pid is not None and SUPERVISOR in command_line(pid):
            os.kill(pid, signal.SIGTERM)
        with _locks.exclusive(layout.supervisor, timeout_s=_STOP_S):
            return True


def _hold(users: Path) -> None:
    descriptor = _held.get(users)
    if descriptor is not None:
        if _locks.is_current(descriptor, users):
            return
        _release(users)
    _held[users] = _locks.acquire(users, timeout_s=_STOP_S, shared=True)


def _release(users: Path) -> bool:
    descriptor = _held.pop(users, None)
    if descriptor is None:
        return False
    os.close(descriptor)
    return True


def _used_by_others(users: Path) -> bool:
    try:
        # With a timeout, because the supervisor itself holds the lock briefly to test it.
        os.close(_locks.acquire(users, timeout_s=0.5))
    except EmbeddedPostgresError:
        return True
    return False
