"""Run an S3 server for as long as some test session uses it: ``python supervisor.py KIND FOLDER``.

Test sessions hold a shared lock on ``FOLDER/users``, which the kernel drops when they end, in
whatever way; then the exclusive lock comes to us and the server's processes are stopped. Only the
standard library is used: for Swift this runs under the interpreter of Swift's own environment.
"""

import ctypes
import fcntl
import importlib
import json
import signal
import subprocess
import sys
import traceback
from collections.abc import Callable
from pathlib import Path

from waiting import wait_until

_PR_SET_PDEATHSIG = 1


class Children:
    """The server's processes; they die with us, and are stopped last started first."""

    def __init__(self, log: Path) -> None:
        self._log = log.open("ab")
        self._running: list[subprocess.Popen[bytes]] = []

    def start(self, *command: str) -> "subprocess.Popen[bytes]":
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=self._log,
            stderr=self._log,
            preexec_fn=_die_with_parent,  # noqa: PLW1509 - this process has one thread
        )
        self._running.append(process)
        return process

    def start_until(self, ready: Callable[[], bool], *command: str, attempts: int = 10) -> None:
        """Start a process that may end by bad luck again and again until it is ready."""
        if not attempts:
            raise RuntimeError(f"{command!r} ended each time before it was ready")
        process = self.start(*command)
        wait_until(lambda: ready() or process.poll() is not None, f"the start of {command}")
        if process.poll() is not None:
            self._running.remove(process)
            self.start_until(ready, *command, attempts=attempts - 1)

    def run(self, *command: str) -> None:
        subprocess.run(
            command,
            check=True,
            timeout=30,
            stdin=subprocess.DEVNULL,
            stdout=self._log,
            stderr=self._log,
        )

    def require_running(self) -> None:
        for process in self._running:
            if process.poll() is not None:
                raise RuntimeError(f"{process.args!r} ended with code {process.returncode}")

    def stop(self) -> None:
        for process in reversed(self._running):
            process.terminate()
            try:
                process.wait(timeout=5)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def _die_with_parent() -> None:
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


def main(kind: str, folder: Path) -> None:
    server = importlib.import_module(f"{kind}_server")
    children = Children(folder / "log")
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    try:
        answer = {"server": server.start(folder, children)}
    except Exception:
        answer = {"failure": traceback.format_exc()}
    try:
        announced = folder / "announced.tmp"
        announced.write_text(json.dumps(answer))
        announced.rename(folder / "announced.json")
        with (folder / "users").open("rb") as users:
            fcntl.flock(users, fcntl.LOCK_EX)
    finally:
        children.stop()


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))
