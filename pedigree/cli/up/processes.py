"""Child processes that are restarted when they die, and stopped with their own children."""

import ctypes
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field

_STOP_S = 10.0  # a daemon finishes its tick, a web server its requests
_HEALTHY_S = 20.0  # a process that lived this long did not fail to start
_LONGEST_PAUSE_S = 30.0
_PR_SET_PDEATHSIG = 1  # linux/prctl.h


@dataclass
class Process:
    """A process that is kept alive."""

    name: str
    command: Sequence[str]
    environment: Mapping[str, str]
    child: subprocess.Popen[bytes] | None = None
    started: float = 0.0
    failures: int = 0
    due: float = field(default=0.0)  # not started before this moment of the monotonic clock

    def start(self) -> None:
        """Start it in its own process group, so that Ctrl-C reaches only the supervisor."""
        self.started = time.monotonic()
        self.child = subprocess.Popen(
            self.command,
            env=dict(self.environment),
            stdin=subprocess.DEVNULL,
            stdout=sys.stderr.fileno(),
            start_new_session=True,
            preexec_fn=_die_with_parent if sys.platform == "linux" else None,  # noqa: PLW1509 (we have one thread)
        )

    def tend(self, say: Callable[[str], None]) -> None:
        """Start it if it is due, and schedule a restart if it died."""
        if self.child is None:
            if time.monotonic() >= self.due:
                self.start()
            return
        code = self.child.poll()
        if code is None:
            return
        lived = time.monotonic() - self.started
        self.failures = 0 if lived > _HEALTHY_S else self.failures + 1
        # The first restart is immediate, so that nobody notices a killed process.
        pause = 0.0 if self.failures < 2 else min(2.0**self.failures, _LONGEST_PAUSE_S)
        self.child, self.due = None, time.monotonic() + pause
        after = f" in {pause:.0f} s" if pause else ""
        say(f"{self.name} ended ({_ending(code)}); it restarts{after}")

    def interrupt(self) -> None:
        """Ask it to stop."""
        if self.child is not None and self.child.poll() is None:
            self.child.send_signal(signal.SIGINT)

    def wait_or_kill(self, deadline: float) -> None:
        """Wait until it ends, then kill the rest of its process group."""
        if self.child is None:
            return
        with suppress(subprocess.TimeoutExpired):
            self.child.wait(max(0.0, deadline - time.monotonic()))
        with suppress(ProcessLookupError):
            os.killpg(self.child.pid, signal.SIGTERM)
        with suppress(subprocess.TimeoutExpired):
            self.child.wait(1.0)
        with suppress(ProcessLookupError):
            os.killpg(self.child.pid, signal.SIGKILL)
        self.child.wait()


def stop_all(processes: Sequence[Process]) -> None:
    """Stop processes in parallel, which takes seconds."""
    for process in processes:
        process.interrupt()
    deadline = time.monotonic() + _STOP_S
    for process in processes:
        process.wait_or_kill(deadline)


def _ending(code: int) -> str:
    if code >= 0:
        return f"exit code {code}"
    with suppress(ValueError):
        return signal.Signals(-code).name
    return f"signal {-code}"


def _die_with_parent() -> None:
    # A supervisor killed by SIGKILL must not leave servers that hold its ports.
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
