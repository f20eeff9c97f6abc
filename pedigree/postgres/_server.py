"""One run of the server's main process, as a child of the supervisor."""

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping

from pedigree.errors import EmbeddedPostgresError
from pedigree.postgres import _locks
from pedigree.postgres._account import Account, die_with_parent
from pedigree.postgres._binaries import Binaries
from pedigree.postgres._layout import SOCKET_NAME, Layout, open_log
from pedigree.postgres._processes import command_line, describe

_FAST_STOP_S = 30.0
_IMMEDIATE_STOP_S = 5.0

# Unix socket only; the folder is private too. Small and quiet: it serves one team's registry and
# Dagster's storage, whose processes hold a few connections each. Its queries are too short for JIT.
_SETTINGS = {
    "listen_addresses": "",
    "unix_socket_permissions": "0700",
    "max_connections": "200",
    "jit": "off",
    "log_checkpoints": "off",
    "log_timezone": "UTC",
    "timezone": "UTC",
}

if sys.platform == "linux":
    # After a crash Postgres makes sure that all is on disk before it recovers. One call for the
    # file system took 0.2 s where one a file took 3 s, on a disk that others used too.
    _SETTINGS["recovery_init_sync_method"] = "syncfs"


class Server:
    """The server process; its lock lasts as long as any process that it forked."""

    def __init__(
        self, layout: Layout, binaries: Binaries, account: Account, settings: Mapping[str, str]
    ) -> None:
        self._layout = layout
        self._account = account
        self._socket_folder = layout.choose_socket_folder()
        account.own(self._socket_folder)
        options = _SETTINGS | {"unix_socket_directories": str(self._socket_folder)} | dict(settings)
        self._command = [binaries.program("postgres"), "-D", str(layout.data)]
        for name, value in options.items():
            self._command += ["-c", f"{name}={value}"]
        self._process: subprocess.Popen[bytes] | None = None

    def start(self, cancelled: Callable[[], bool]) -> None:
        """Start it and wait until it takes connections, or until that is `cancelled`.

        There is no deadline: after a crash it takes as long as recovery takes, and to interrupt
        that would only make it begin anew. Clients have deadlines of their own.

        Raises:
            EmbeddedPostgresError: It ended; the message has the end of its log.
        """
        self._process = self._spawn()
        while self._layout.postmaster() != (self._process.pid, "ready") and not cancelled():
            if self._process.poll() is not None:
                raise EmbeddedPostgresError(
                    f"Postgres did not start: {self._layout.log_tail()}",
                    remedy=f"The whole log is {self._layout.log}",
                )
            time.sleep(_locks.POLL_S)

    @property
    def exited(self) -> bool:
        """Whether it is gone; asking reaps it, so it never stays behind as a zombie."""
        return self._process is None or self._process.poll() is not None

    @property
    def reachable(self) -> bool:
        """Whether its socket is where clients look: a cleaner of the temp folder may take it."""
        return (self._socket_folder / SOCKET_NAME).exists()

    def stop(self, how: signal.Signals = signal.SIGINT) -> None:
        """Stop it: SIGINT rolls back and writes a checkpoint, SIGQUIT leaves that to recovery."""
        steps = [(signal.SIGINT, _FAST_STOP_S)] if how == signal.SIGINT else []
        for sign, patience in [*steps, (signal.SIGQUIT, _IMMEDIATE_STOP_S), (signal.SIGKILL, 5.0)]:
            if self._process is None or self._process.poll() is not None:
                return
            self._process.send_signal(sign)
            try:
                self._process.wait(patience)
            except subprocess.TimeoutExpired:
                continue

    def tidy(self) -> None:
        """Remove the socket's folder once the server has stopped: it may lie in the temp folder."""
        with contextlib.suppress(OSError):  # not empty, or gone
            self._socket_folder.rmdir()

    def _spawn(self) -> subprocess.Popen[bytes]:
        lock = take_over(self._layout)
        log = open_log(self._layout.log)
        try:
            # The server inherits the locked file: the lock tells the next supervisor that the last
            # of its processes is gone, which neither a process id nor the socket can tell.
            return subprocess.Popen(
                self._command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd="/",
                start_new_session=True,
                pass_fds=(lock,),
                **self._account.popen_options(die_with_parent(os.getpid())),
            )
        except (OSError, subprocess.SubprocessError) as error:
            raise EmbeddedPostgresError(f"Postgres cannot be run: {error}") from error
        finally:
            os.close(log)
            os.close(lock)


def take_over(layout: Layout) -> int:
    """Wait for every process of an earlier server to end and return the server's lock.

    An earlier server outlives a killed supervisor where no parent-death signal exists (macOS).

    Raises:
        EmbeddedPostgresError: It does not end.
    """
    for sign, patience in [(None, 1.0), (signal.SIGINT, _FAST_STOP_S), (signal.SIGQUIT, 10.0)]:
        _signal_postmaster(layout, sign)
        try:
            lock = _locks.acquire(layout.server, timeout_s=patience)
        except EmbeddedPostgresError:
            continue
        _remove_stale(layout)
        return lock
    raise EmbeddedPostgresError(
        f"processes of an earlier server in {layout.folder} do not end",
        remedy=f"End them: {describe(_locks.holders(layout.server))}",
    )


def _remove_stale(layout: Layout) -> None:
    # Postgres refuses to start while the process id in these files is somebody's, be it a zombie
    # that nobody reaps or a stranger. The lock has just proved that it is not the server's.
    (layout.data / "postmaster.pid").unlink(missing_ok=True)
    folder = layout.socket_folder()
    if folder is not None:
        (folder / f"{SOCKET_NAME}.lock").unlink(missing_ok=True)


def _signal_postmaster(layout: Layout, sign: signal.Signals | None) -> None:
    state = layout.postmaster()
    if sign is None or state is None or f"-D {layout.data} " not in command_line(state[0]):
        return
    os.kill(state[0], sign)
