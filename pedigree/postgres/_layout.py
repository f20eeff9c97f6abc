"""The files of the embedded Postgres in its folder."""

import hashlib
import os
import stat
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from pedigree.errors import EmbeddedPostgresError

# The maximum length of a socket's path is 103 bytes on macOS and 107 on Linux.
_LONGEST_SOCKET_PATH = 103
PORT = 5432
SOCKET_NAME = f".s.PGSQL.{PORT}"
_LOG_LIMIT_BYTES = 10_000_000


@dataclass(frozen=True)
class Layout:
    """The paths below ``<home>/postgres``."""

    home: Path

    @property
    def folder(self) -> Path:
        """The folder with all files of the server; nothing outside is changed."""
        return self.home / "postgres"

    @property
    def data(self) -> Path:
        """The data folder; complete or absent, since it is created elsewhere and renamed."""
        return self.folder / "data"

    @property
    def created(self) -> Path:
        """The file outside of `folder` that records that data was created, and outlives it."""
        return self.home / "postgres.created"

    @property
    def had_data(self) -> bool:
        """Whether data was created here before: it was recorded, or a server has run."""
        return self.created.exists() or self.log.exists()

    @property
    def password(self) -> Path:
        """The file with the role's password, readable only by its owner."""
        return self.folder / "password"

    @property
    def application_password(self) -> Path:
        """The file with the password of the application's role, readable only by its owner."""
        return self.folder / "password.application"

    @property
    def users(self) -> Path:
        """The shared lock of all processes that use the server."""
        return self.folder / "users.lock"

    @property
    def start(self) -> Path:
        """The lock of a process that starts or stops the server."""
        return self.folder / "start.lock"

    @property
    def supervisor(self) -> Path:
        """The lock of the supervisor; the file holds its process ID."""
        return self.folder / "supervisor.lock"

    @property
    def server(self) -> Path:
        """The lock that any process of the server itself holds."""
        return self.folder / "server.lock"

    @property
    def log(self) -> Path:
        """The log of Postgres."""
        return self.folder / "postgres.log"

    @property
    def supervisor_log(self) -> Path:
        """The log of the supervisor."""
        return self.folder / "supervisor.log"

    @property
    def socket_record(self) -> Path:
        """The file with the path of the socket's folder."""
        return self.folder / "socket"

    @contextmanager
    def failures(self) -> Iterator[None]:
        """Convert errors of the operating system to errors of the home folder.

        Raises:
            EmbeddedPostgresError: A file cannot be read or written.
        """
        try:
            yield
        except OSError as error:
            file = f" {error.filename}" if error.filename else ""
            raise EmbeddedPostgresError(
                f"the home folder cannot be used: {error.strerror or error}{file and ':'}{file}",
                field="PEDIGREE_HOME",
                value=str(self.home),
                remedy="Free space on its disk or make it writable, set PEDIGREE_HOME to a folder"
                " that you own, or set PEDIGREE_DATABASE_URL",
            ) from error

    def create(self) -> None:
        """Create the folder, and the home folder if it is missing, with access only for this user.

        Raises:
            EmbeddedPostgresError: The folder cannot be created, or belongs to another user.
        """
        with self.failures():
            if not self.home.exists():
                self.home.mkdir(mode=0o700, parents=True, exist_ok=True)
                # A home folder in a Git repository must not make its work tree dirty.
                (self.home / ".gitignore").write_text("*\n", encoding="ascii")
            self.folder.mkdir(mode=0o700, exist_ok=True)
            owner = self.folder.stat().st_uid
        if owner != os.geteuid():
            raise EmbeddedPostgresError(
                f"the folder {self.folder} belongs to the user with id {owner}",
                remedy="Run as that user, or set PEDIGREE_HOME to a folder that you own",
            )

    def major(self) -> int | None:
        """Return the major version of Postgres that wrote the data; None if there is no data."""
        try:
            return int((self.data / "PG_VERSION").read_text(encoding="ascii"))
        except FileNotFoundError:
            return None

    def socket_folder(self) -> Path | None:
        """Return the folder of the running server's socket; None before the first start.

        Raises:
            EmbeddedPostgresError: The folder is not private to the server's user: another user may
                have replaced the server by their own.
        """
        try:
            folder = Path(self.socket_record.read_text(encoding="utf-8"))
            state = folder.lstat()
        except FileNotFoundError:
            return None
        if not _is_private(state, self.data.stat().st_uid):
            raise _not_private(folder)
        return folder

    def choose_socket_folder(self) -> Path:
        """Create and record the socket's folder, in temp if the path below `folder` is too long.

        Raises:
            EmbeddedPostgresError: The temp folder exists already and belongs to another user.
        """
        digest = hashlib.sha256(os.fsencode(self.folder.resolve())).hexdigest()[:16]
        short = f"pedigree-{os.getuid()}-{digest}"
        places = [self.folder / "run", Path(tempfile.gettempdir()) / short, Path("/tmp") / short]  # noqa: S108  created with private access below
        folder = next(place for place in places if _fits(place) or place == places[-1])
        folder.mkdir(mode=0o700, exist_ok=True)
        # The data's owner differs only if the server runs as "nobody".
        if not _is_private(folder.lstat(), os.geteuid(), self.data.stat().st_uid):
            raise _not_private(folder)
        replace_text(self.socket_record, str(folder))
        return folder

    def postmaster(self) -> tuple[int, str] | None:
        """Return the process ID and state (such as ``ready``) that the server last wrote."""
        try:
            lines = (self.data / "postmaster.pid").read_text(encoding="utf-8").splitlines()
        except FileNotFoundError:
            return None
        if len(lines) < 8:  # it is being written
            return None
        return int(lines[0]), lines[7].strip()

    def supervisor_pid(self) -> int | None:
        """Return the process ID that the supervisor wrote; valid only while its lock is held."""
        try:
            return int(self.supervisor.read_text(encoding="ascii"))
        except (FileNotFoundError, ValueError):
            return None

    def log_tail(self, characters: int = 2000) -> str:
        """Return the end of both logs for an error message."""
        texts = (
            path.read_text(encoding="utf-8", errors="replace")[-characters:].strip()
            for path in (self.supervisor_log, self.log)
            if path.exists()
        )
        return "\n".join(text for text in texts if text)


def replace_text(path: Path, text: str) -> None:
    """Replace a file atomically, with access only for its owner."""
    unfinished = path.with_name(path.name + ".new")
    unfinished.unlink(missing_ok=True)
    descriptor = os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    unfinished.replace(path)


def open_log(path: Path) -> int:
    """Open a log for appending; a large log is first renamed to ``<name>.1``."""
    if path.exists() and path.stat().st_size > _LOG_LIMIT_BYTES:
        path.replace(path.with_name(path.name + ".1"))
    return os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)


def _fits(folder: Path) -> bool:
    return len(os.fsencode(folder / SOCKET_NAME)) <= _LONGEST_SOCKET_PATH


def _is_private(state: os.stat_result, *owners: int) -> bool:
    return stat.S_ISDIR(state.st_mode) and state.st_uid in owners and not state.st_mode & 0o077


def _not_private(folder: Path) -> EmbeddedPostgresError:
    return EmbeddedPostgresError(
        f"the socket's folder {folder} is not private to this server's user",
        remedy="Check who created it and remove it, or set PEDIGREE_HOME to a shorter path",
    )
