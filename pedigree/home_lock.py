"""The ``pedigree up`` of a home folder: one process locks ``up.lock``, and writes its URL there.

The kernel releases the lock of a killed server, so there is nothing to clean up. The file also has
the time at which its process started, because a process ID alone may have been reused.
"""

import fcntl
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path

from pedigree.errors import RefusedError, UnavailableError

_LOCK = "up.lock"


@dataclass(frozen=True, kw_only=True)
class Running:
    """A server that holds a home folder."""

    pid: int
    url: str
    loads: str
    ready: bool


def running(home: Path) -> Running | None:
    """Return the server that holds the home folder, or None.

    Raises:
        UnavailableError: The folder belongs to another user.
    """
    try:
        with usable(home):
            descriptor = os.open(home / _LOCK, os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        return None
    with os.fdopen(descriptor, encoding="utf-8", errors="replace") as file:
        if _try_lock(file.fileno(), fcntl.LOCK_SH):
            return None
        return _read(file.read())


def _read(text: str) -> Running:
    # Between the lock and the first write, the file describes the previous server, whose process
    # ID may belong to another process now.
    with suppress(ValueError, TypeError, KeyError, AttributeError):
        document = json.loads(text)
        started = document.pop("started")
        if started == started_at(document["pid"]):
            return Running(**document)
    return Running(pid=0, url="", loads="", ready=False)


def started_at(pid: int) -> str | None:
    """Return when a process started, in the words of the system; None if there is no process.

    Together with its ID, that identifies a process: an ID alone may have been reused.
    """
    if sys.platform == "linux":
        try:
            status = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
        except OSError:
            return None
        # proc(5): the 22nd field; the second one, in parentheses, may hold spaces.
        return status.rpartition(")")[2].split()[19]
    command = ["ps", "-o", "lstart=", "-p", str(pid)]
    answer = subprocess.run(command, capture_output=True, text=True, check=False)
    return answer.stdout.strip() or None


class HomeLock:
    """The lock on a home folder; shows readers the state of the server."""

    def __init__(self, home: Path, descriptor: int) -> None:
        self._home = home
        self._descriptor = descriptor

    def tell(self, state: Running) -> None:
        """Write which process serves and where.

        Raises:
            UnavailableError: The folder cannot be written.
        """
        document = {**asdict(state), "started": started_at(state.pid)}
        with usable(self._home):
            os.ftruncate(self._descriptor, 0)
            os.pwrite(self._descriptor, json.dumps(document).encode(), 0)


@contextmanager
def hold(home: Path) -> Iterator[HomeLock]:
    """Lock a home folder for the duration of the block.

    Raises:
        RefusedError: Another process serves it.
        UnavailableError: The folder cannot be written.
    """
    with usable(home):
        home.mkdir(mode=0o700, parents=True, exist_ok=True)
        descriptor = os.open(home / _LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        # A reader holds the lock for an instant, so one refusal proves nothing.
        deadline = time.monotonic() + 0.5
        while not _try_lock(descriptor, fcntl.LOCK_EX):
            if time.monotonic() > deadline:
                raise _refused(home, running(home))
            time.sleep(0.02)
        yield HomeLock(home, descriptor)
    finally:
        os.close(descriptor)


@contextmanager
def usable(home: Path) -> Iterator[None]:
    """Convert errors of the operating system to errors of the home folder.

    Raises:
        FileNotFoundError: A file does not exist.
        UnavailableError: The folder cannot be written or read.
    """
    try:
        yield
    except FileNotFoundError:
        raise
    except OSError as error:
        raise UnavailableError(
            f"the home folder cannot be used: {error.strerror or type(error).__name__}",
            field="PEDIGREE_HOME",
            value=str(home),
            remedy="Free space on its disk or make it writable, or set PEDIGREE_HOME to another"
            " folder",
        ) from error


def refuse_if_running(home: Path) -> None:
    """Make sure that no process serves the home folder.

    Raises:
        RefusedError: A process does.
    """
    if other := running(home):
        raise _refused(home, other)


def _refused(home: Path, other: Running | None) -> RefusedError:
    at = f" at {other.url} (process {other.pid})" if other and other.pid else ""
    return RefusedError(
        f"{home} is already being served{at}",
        remedy="Use that server, or stop it with `pedigree down` and the same PEDIGREE_HOME",
    )


def _try_lock(descriptor: int, mode: int) -> bool:
    try:
        fcntl.flock(descriptor, mode | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
