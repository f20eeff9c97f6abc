"""A real Postgres without installation, account or port: one per home folder, for many processes.

::

    server = EmbeddedPostgres(Path(".pedigree"))
    psycopg.connect(server.url("pedigree"))     # starts it, or attaches to the running one

The first client starts a detached supervisor (:mod:`pedigree.postgres._supervisor`), every client
holds a shared lock for its life, and the server stops when nobody holds it any more.
"""

import os
import re
import signal
import threading
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Literal
from urllib.parse import quote

import psycopg
from psycopg import sql

from pedigree._record import Record
from pedigree.errors import EmbeddedPostgresError, InvalidInputError
from pedigree.postgres import _locks
from pedigree.postgres._cluster import ROLE
from pedigree.postgres._launch import SUPERVISOR, launch_supervisor
from pedigree.postgres._layout import PORT, Layout
from pedigree.postgres._processes import command_line, describe
from pedigree.postgres._server import take_over

DEFAULT_GRACE_S = 3.0
_START_S = 75.0
# For how long a server that says it is ready may refuse us, as it does for a moment when it stops.
_ANSWER_S = 10.0
_DEATHS = 5
_STOP_S = 45.0
# Serializes the making of databases: two CREATE DATABASE at once trip over one another.
_CREATE_DATABASE_LOCK = 0x9ED16EE

# Closed by the kernel when the process ends. A forked child shares the parent's lock on purpose:
# it may go on using what it inherited, so the server must outlive it too.
_held: dict[Path, int] = {}
_guard = threading.RLock()


def _renew_guard() -> None:
    global _guard  # noqa: PLW0603  a thread that does not exist in the child may have held it
    _guard = threading.RLock()


os.register_at_fork(after_in_child=_renew_guard)


class EmbeddedStatus(Record):
    """What is known of an embedded server without touching it.

    Attributes:
        folder: Where it lies.
        state: `absent` (no data yet), `stopped`, `starting` (also recovering, stopping) or
            `running`.
        major: The Postgres major that wrote the data.
        pid: The server's process, while it runs.
        supervisor_pid: The supervisor's process, while it runs.
        in_use: Whether any process (this one too) holds the users' lock.
        users: These processes, where the system tells (Linux).
    """

    folder: Path
    state: Literal["absent", "stopped", "starting", "running"]
    major: int | None
    pid: int | None
    supervisor_pid: int | None
    in_use: bool
    users: tuple[int, ...]


class EmbeddedPostgres:
    """The embedded server of one home folder, as this process sees it.

    Nothing happens at construction. The server lies in ``<home>/postgres`` and nothing outside is
    changed, except that a path too long for a socket gets a private folder in the temp folder.

    Args:
        home: The home folder; made, private, if it does not exist.
        grace_s: For how long nobody must use the server before it stops, in seconds.
        settings: Postgres settings, if this process is the one to start it. The default is
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
        """Where the server keeps its data, its password and its logs."""
        return self._layout.folder

    def ensure(self) -> None:
        """Make sure that the server answers: attach to it, else start or revive it.

        From then on this process counts as a user until it ends. Call it again when a connection
        was lost; on a server that answers it costs one connection (some 3 ms).

        Raises:
            EmbeddedPostgresError: No Postgres is installed, the data is of another major, or the
                server cannot be started; the message says which.
        """
        with _guard:
            self._layout.create()
            _hold(self._layout.users)
            if self._refusal("postgres") is not None:
                with _locks.exclusive(self._layout.start, timeout_s=_START_S):
                    self._bring_up()

    def url(self, database: str) -> str:
        """Return the libpq URL of a database, which is made if it does not exist.

        It holds the password. psycopg, psycopg2 and SQLAlchemy read it.

        Raises:
            InvalidInputError: The name is not lower-case letters, digits and underscores.
            EmbeddedPostgresError: See :meth:`ensure`.
        """
        if not re.fullmatch(r"[a-z_][a-z0-9_]{0,62}", database):
            raise InvalidInputError(
                "a database's name has lower-case letters, digits and underscores only",
                field="database",
                value=database,
            )
        self.ensure()
        if self._refusal(database) is not None:
            self._create_database(database)
        return self._url(database)

    def stop(self, *, force: bool = False) -> bool:
        """Stop the server; return whether it ran. This process is a user of it no more.

        Args:
            force: Stop it also while others use it. Those that are alive start it again as soon
                as they need it, so this is a restart for them.

        Raises:
            EmbeddedPostgresError: Other processes use it (the message names them), or it does not
                stop in time.
        """
        layout = self._layout
        if not layout.folder.exists():
            return False
        with _guard, _locks.exclusive(layout.start, timeout_s=_START_S):
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
        """Say what is known of the server; never starts it, and connects to nothing."""
        layout = self._layout
        major = layout.major()
        supervised = _locks.is_held(layout.supervisor)
        postmaster = layout.postmaster() if _locks.is_held(layout.server) else None
        state: Literal["absent", "stopped", "starting", "running"] = "stopped"
        if supervised or postmaster:
            state = "running" if postmaster and postmaster[1] == "ready" else "starting"
        elif major is None:
            state = "absent"
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
        # The port is part of the socket's name; unsaid, a PGPORT of the shell would count.
        return f"postgresql://{ROLE}:{password}@/{database}?host={host}&port={PORT}"

    def _refusal(self, database: str) -> str | None:
        """Try to connect; return why it cannot be done, None if it can.

        Only a real connection tells: a process id may be a zombie's, and a server in recovery
        answers pings.
        """
        # A server without supervisor (it was killed) is about to stop, or will never stop.
        if not _locks.is_held(self._layout.supervisor) or self._layout.socket_folder() is None:
            return "it does not run"
        try:
            psycopg.connect(self._url(database), connect_timeout=5).close()
        except FileNotFoundError:
            return "its password file is gone"
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
                    remedy=f"Look into {layout.log} and {layout.supervisor_log}",
                )
            if _locks.is_held(layout.supervisor):
                time.sleep(_locks.POLL_S)  # it starts, recovers or stops just now
            elif not launch_supervisor(layout, self._grace_s, self._settings, _START_S):
                deaths += 1
                if deaths == _DEATHS:
                    raise EmbeddedPostgresError(
                        f"the supervisor of {layout.folder} died whenever it started Postgres",
                        remedy=f"Look into {layout.supervisor_log}",
                    )

    def _create_database(self, name: str) -> None:
        with psycopg.connect(self._url("postgres"), autocommit=True) as connection:
            connection.execute("SELECT pg_advisory_lock(%s)", [_CREATE_DATABASE_LOCK])
            query = "SELECT 1 FROM pg_database WHERE datname = %s"
            if connection.execute(query, [name]).fetchone() is None:
                # template0 has no guests, whose presence would forbid copying it
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
        # Not at the first try: the supervisor itself takes the lock for a moment to see if it can.
        os.close(_locks.acquire(users, timeout_s=0.5))
    except EmbeddedPostgresError:
        return True
    return False
