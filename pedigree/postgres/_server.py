"""The server's main process, a child of the supervisor."""

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

# Unix socket only, in a private folder. The server is small: it serves one team's registry and
# Dagster's storage, whose processes hold a few connections each. The queries are too short for JIT.
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
    # After a crash Postgres syncs the data folder before it recovers. On a shared disk, one call
    # for the file system took 0.2 s, and one call per file took 3 s.
    _SETTINGS["recovery_init_sync_method"] = "syncfs"


class Server:
    """The server process; its lock is held as long as any process that it forked exists."""

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
        """Start the server and wait until it accepts connections, or until `cancelled`.

        There is no deadline: recovery after a crash takes its time, and an interruption would only
        restart it. Clients have their own deadlines.

        Raises:
            EmbeddedPostgresError: The server exited; the message has the end of its log.
        """
        self._process = self._spawn()
        while self._layout.postmaster() != (self._process.pid, "ready") and not cancelled():
            if self._process.poll() is not None:
                raise EmbeddedPostgresError(
                    f"Postgres did not start: {self._layout.log_tail()}",
                    remedy=f"See the complete log in {self._layout.log}",
                )
            time.sleep(_locks.POLL_S)

    @property
    def exited(self) -> bool:
        """Whether the process has exited; this also reaps it, so that it is never a zombie."""
        return self._process is None or self._process.poll() is not None

    @property
    def reachable(self) -> bool:
        """Whether the socket still exists: a cleaner of the temp folder may delete it."""
        return (self._socket_folder / SOCKET_NAME).exists()

    def stop(self, how: signal.Signals = signal.SIGINT) -> None:
        """Stop the server: SIGINT rolls back and writes a checkpoint, SIGQUIT leaves recovery."""
        steps = [(signal.SIGINT, _FAST_STOP_S)] if how == signal.SIGINT else []
        for sign, timeout in [*steps, (signal.SIGQUIT, _IMMEDIATE_STOP_S), (signal.SIGKILL, 5.0)]:
            if self._process is None or self._process.poll() is not None:
                return
            self._process.send_signal(sign)
            try:
                self._process.wait(timeout)
            except subprocess.TimeoutExpired:
                continue

    def tidy(self) -> None:
        """Remove the socket's folder, which may be in temp, after the server has stopped."""
        with contextlib.suppress(OSError):  # not empty, or missing
            self._socket_folder.rmdir()

    def _spawn(self) -> subprocess.Popen[bytes]:
        lock = take_over(self._layout)
        log = open_log(self._layout.log)
        try:
            # The server inherits the locked file. Its release shows the next supervisor that the
            # last process is gone, which neither a process ID nor the socket can show.
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
    """Wait for all processes of an earlier server to end, and return the server's lock.

    Without a parent-death signal (macOS) a server outlives its killed supervisor.

    Raises:
        EmbeddedPostgresError: The processes do not end.
    """
    for sign, timeout in [(None, 1.0), (signal.SIGINT, _FAST_STOP_S), (signal.SIGQUIT, 10.0)]:
        _signal_postmaster(layout, sign)
        try:
            lock = _locks.acquire(layout.server, timeout_s=timeout)
        except EmbeddedPostgresError:
            continue
        _remove_stale(layout)
        return lock
    raise EmbeddedPostgresError(
        f"processes of an earlier server in {layout.folder} do not end",
        remedy=f"End them: {describe(_locks.holders(layout.server))}",
    )


def _remove_stale(layout: Layout) -> None:
    # Postgres refuses to start while the process ID in these files exists, even if it is a zombie
    # or was reused. The lock proves that it is not the server's.
    (layout.data / "postmaster.pid").unlink(missing_ok=True)
    folder = layout.socket_folder()
    if folder is not None:
        (folder / f"{SOCKET_NAME}.lock").unlink(missing_ok=True)


def _signal_postmaster(layout: Layout, sign: signal.Signals | None) -> None:
    state = layout.postmaster()
    if sign is None or state is None or f"-D {layout.data} " not in command_line(state[0]):
        return
    os.kill(state[0], sign)
