"""The process that owns the embedded Postgres; the first client starts it, detached.

It runs Postgres as its child, so that it can reap and restart it after a crash. It stops Postgres
when no process has held the users' lock for a while. After ``kill -9`` of this process the kernel
stops Postgres cleanly, and the next client starts both again. It is started as
``python -m pedigree.postgres._supervisor '<json>'`` and imports as little as possible.
"""

import json
import os
import select
import signal
import sys
import time
import traceback
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path

from pedigree.errors import EmbeddedPostgresError
from pedigree.postgres import _locks
from pedigree.postgres._account import choose_account
from pedigree.postgres._binaries import find_binaries
from pedigree.postgres._cluster import ensure_cluster
from pedigree.postgres._layout import Layout
from pedigree.postgres._server import Server

_TICK_S = 0.25
# A predecessor that is stopping holds the lock until Postgres has written its checkpoint.
_PREDECESSOR_S = 45.0
_RESTARTS = 3


@dataclass(frozen=True)
class Order:
    """The arguments with which a client starts the supervisor.

    Attributes:
        home: The home folder; the server is in its `postgres` folder.
        grace_s: Seconds without a user after which the server is stopped.
        report: The pipe for the report that the server is ready, or why it is not.
        settings: Postgres settings in addition to the default ones.
    """

    home: str
    grace_s: float
    report: int
    settings: dict[str, str] = field(default_factory=dict)

    def argument(self) -> str:
        """Return the order as a command-line argument."""
        return json.dumps(asdict(self))


class Supervisor:
    """Supervision of one server from its start until it has no users."""

    def __init__(self, order: Order, lock: int) -> None:
        self._layout = Layout(Path(order.home))
        self._order = order
        self._lock = lock
        self._stop_requested = False
        self._wake = _wake_on_signals(self._on_stop)
        self._idle_since: float | None = None

    def start(self) -> None:
        """Create the cluster if there is none, and start the server.

        Raises:
            EmbeddedPostgresError: One of these failed; the message says why.
        """
        binaries = find_binaries(self._layout.major())
        account = choose_account()
        durable = self._order.settings.get("fsync") != "off"
        ensure_cluster(self._layout, binaries, account, durable=durable)
        self._server = Server(self._layout, binaries, account, self._order.settings)
        self._server.start(lambda: self._stop_requested)

    def serve(self) -> None:
        """Keep the server running until a stop is requested or it has had no users for a while.

        Raises:
            EmbeddedPostgresError: The server crashed and cannot be restarted.
        """
        try:
            self._serve()
        finally:
            self._server.tidy()

    def _serve(self) -> None:
        while not self._stop_requested:
            _drain(self._wake, _TICK_S)
            if not _locks.is_current(self._lock, self._layout.supervisor):
                self._server.stop(signal.SIGQUIT)  # the folder was removed or reset
                return
            if self._stop_requested:
                break
            if self._server.exited or not self._server.reachable:
                self._restart()
            elif self._is_idle() and self._stop_if_unused():
                return
        self._server.stop()

    def _on_stop(self) -> None:
        self._stop_requested = True

    def _restart(self) -> None:
        _log("Postgres has exited or is not reachable, restarting it")
        self._server.stop()
        for attempt in range(_RESTARTS):
            try:
                return self._server.start(lambda: self._stop_requested)
            except EmbeddedPostgresError as error:
                _log(str(error))
                if attempt == _RESTARTS - 1:
                    raise
        return None

    def _is_idle(self) -> bool:
        if _locks.is_used(self._layout.users):
            self._idle_since = None
            return False
        now = time.monotonic()
        self._idle_since = self._idle_since or now
        return now - self._idle_since >= self._order.grace_s

    def _stop_if_unused(self) -> bool:
        """Stop the server under the locks that a new client needs, so that none sees the stop."""
        start = _locks.open_lock(self._layout.start)
        users = _locks.open_lock(self._layout.users)
        try:
            if not (_locks.try_lock(start) and _locks.try_lock(users)):
                return False
            self._server.stop()
            return True
        finally:
            os.close(users)
            os.close(start)


def main(argument: str) -> int:
    """Detach, acquire the supervisor's lock and serve; return the exit code."""
    order = Order(**json.loads(argument))
    os.set_inheritable(order.report, False)
    # The process that the client started exits here, so that the client has no child to reap, and
    # process managers do not find the supervisor among the client's children.
    if os.fork():
        return 0
    os.umask(0o077)
    try:
        _serve(order)
    except EmbeddedPostgresError as error:
        _log(str(error))
        return 1
    except Exception:
        _log(traceback.format_exc())
        raise
    return 0


def _serve(order: Order) -> None:
    try:
        supervisor = _start(order)
    except EmbeddedPostgresError as error:
        value = None if error.value is None else str(error.value)
        found = {"message": error.message, "field": error.field, "value": value}
        _report(order.report, {**found, "remedy": error.remedy})
        raise
    _report(order.report, {})
    os.close(order.report)
    if supervisor is not None:
        supervisor.serve()


def _start(order: Order) -> Supervisor | None:
    lock = _become_supervisor(Layout(Path(order.home)))
    if lock is None:
        return None
    os.ftruncate(lock, 0)
    os.write(lock, str(os.getpid()).encode("ascii"))
    supervisor = Supervisor(order, lock)
    supervisor.start()
    return supervisor


def _become_supervisor(layout: Layout) -> int | None:
    """Acquire and return the supervisor's lock; None if another supervisor serves already.

    That happens if the client that started the other one was killed before its report.
    """
    deadline = time.monotonic() + _PREDECESSOR_S
    while True:
        try:
            return _locks.acquire(layout.supervisor, timeout_s=0.1)
        except EmbeddedPostgresError:
            postmaster = layout.postmaster()
            if postmaster is not None and postmaster[1] == "ready":
                return None
            if time.monotonic() > deadline:
                raise


def _report(pipe: int, message: dict[str, str | None]) -> None:
    try:
        os.write(pipe, json.dumps(message).encode() + b"\n")
    except OSError:
        return  # the client has exited


def _log(text: str) -> None:
    now = time.strftime("%Y-%m-%d %H:%M:%S", time.gmtime())
    sys.stderr.write(f"{now} UTC [{os.getpid()}] {text}\n")
    sys.stderr.flush()


def _wake_on_signals(stop: Callable[[], None]) -> int:
    """Let a child's exit and a stop signal wake the loop; return the descriptor that it reads."""
    reader, writer = os.pipe()
    os.set_blocking(reader, False)
    os.set_blocking(writer, False)
    signal.set_wakeup_fd(writer, warn_on_full_buffer=False)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    for sign in (signal.SIGTERM, signal.SIGINT):
        signal.signal(sign, lambda *_: stop())
    return reader


def _drain(reader: int, timeout_s: float) -> None:
    if select.select([reader], [], [], timeout_s)[0]:
        os.read(reader, 4096)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
