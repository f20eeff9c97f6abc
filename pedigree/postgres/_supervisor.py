"""The process that owns the embedded Postgres; the first client starts it, detached.

It runs Postgres as its own child, so that it can reap it and start it again after a crash, and it
stops it when nobody has held the users' lock for a while. ``kill -9`` of this process makes the
kernel stop Postgres cleanly; the next client starts both again. It is run as
``python -m pedigree.postgres._supervisor '<json>'`` and imports as little as it can.
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
# A predecessor that was told to stop holds the lock until Postgres has written its checkpoint.
_PREDECESSOR_S = 45.0
_RESTARTS = 3


@dataclass(frozen=True)
class Order:
    """What a client asks of the supervisor that it starts.

    Attributes:
        home: The home; the server lies in its `postgres` folder.
        grace_s: For how long nobody must use the server before it is stopped, in seconds.
        report: The pipe on which to say once that the server is ready, or why not.
        settings: Postgres settings beside the default ones.
    """

    home: str
    grace_s: float
    report: int
    settings: dict[str, str] = field(default_factory=dict)

    def argument(self) -> str:
        """Return it as a command line's word."""
        return json.dumps(asdict(self))


class Supervisor:
    """The life of one server, from its start until nobody uses it any more."""

    def __init__(self, order: Order, lock: int) -> None:
        self._layout = Layout(Path(order.home))
        self._order = order
        self._lock = lock
        self._told_to_stop = False
        self._wake = _wake_on_signals(self._on_stop)
        self._idle_since: float | None = None

    def start(self) -> None:
        """Make the cluster if there is none, and start the server.

        Raises:
            EmbeddedPostgresError: Neither can be done; the message says why.
        """
        binaries = find_binaries(self._layout.major())
        account = choose_account()
        durable = self._order.settings.get("fsync") != "off"
        ensure_cluster(self._layout, binaries, account, durable=durable)
        self._server = Server(self._layout, binaries, account, self._order.settings)
        self._server.start(lambda: self._told_to_stop)

    def serve(self) -> None:
        """Keep the server up until it is told to stop or nobody has used it for a while.

        Raises:
            EmbeddedPostgresError: It crashed and cannot be started any more.
        """
        try:
            self._serve()
        finally:
            self._server.tidy()

    def _serve(self) -> None:
        while not self._told_to_stop:
            _drain(self._wake, _TICK_S)
            if not _locks.is_current(self._lock, self._layout.supervisor):
                self._server.stop(signal.SIGQUIT)  # the folder was removed or reset under us
                return
            if self._told_to_stop:
                break
            if self._server.exited or not self._server.reachable:
                self._restart()
            elif self._nobody_for_a_while() and self._stopped_unused():
                return
        self._server.stop()

    def _on_stop(self) -> None:
        self._told_to_stop = True

    def _restart(self) -> None:
        _say("Postgres is gone or not reachable, starting it again")
        self._server.stop()
        for attempt in range(_RESTARTS):
            try:
                return self._server.start(lambda: self._told_to_stop)
            except EmbeddedPostgresError as error:
                _say(str(error))
                if attempt == _RESTARTS - 1:
                    raise
        return None

    def _nobody_for_a_while(self) -> bool:
        if _locks.is_used(self._layout.users):
            self._idle_since = None
            return False
        now = time.monotonic()
        self._idle_since = self._idle_since or now
        return now - self._idle_since >= self._order.grace_s

    def _stopped_unused(self) -> bool:
        """Stop the server while holding what a new client needs, so none sees it half stopped."""
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
    """Detach, take the supervisor's lock, serve; return the exit code."""
    order = Order(**json.loads(argument))
    os.set_inheritable(order.report, False)
    # The process that the client started ends here, so the client has no child to reap, and no
    # manager of the client's processes finds this one among them.
    if os.fork():
        return 0
    os.umask(0o077)
    try:
        _serve(order)
    except EmbeddedPostgresError as error:
        _say(str(error))
        return 1
    except Exception:
        _say(traceback.format_exc())
        raise
    return 0


def _serve(order: Order) -> None:
    try:
        supervisor = _started(order)
    except EmbeddedPostgresError as error:
        _report(order.report, {"error": error.message, "remedy": error.remedy})
        raise
    _report(order.report, {})
    os.close(order.report)
    if supervisor is not None:
        supervisor.serve()


def _started(order: Order) -> Supervisor | None:
    lock = _become_supervisor(Layout(Path(order.home)))
    if lock is None:
        return None
    os.ftruncate(lock, 0)
    os.write(lock, str(os.getpid()).encode("ascii"))
    supervisor = Supervisor(order, lock)
    supervisor.start()
    return supervisor


def _become_supervisor(layout: Layout) -> int | None:
    """Take the supervisor's lock; None if another one serves already.

    That happens when the client which started the other one was killed meanwhile.
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
        return  # the client is gone


def _say(text: str) -> None:
    now = time.strftime("%Y-%m-%d %H:%M:%S", time.gmtime())
    sys.stderr.write(f"{now} UTC [{os.getpid()}] {text}\n")
    sys.stderr.flush()


def _wake_on_signals(stop: Callable[[], None]) -> int:
    """Make a child's end and a request to stop wake the loop at once; return what it reads."""
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
