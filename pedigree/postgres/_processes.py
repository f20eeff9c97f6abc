"""Identification of processes, because a process ID alone may have been reused."""

import subprocess
import sys
from pathlib import Path


def command_line(pid: int) -> str:
    """Return a process's arguments, each followed by a space; empty if there is no process."""
    if sys.platform == "linux":
        try:
            raw = Path(f"/proc/{pid}/cmdline").read_bytes()
        except OSError:
            return ""
        return raw.decode(errors="replace").replace("\0", " ")
    answer = subprocess.run(
        ["ps", "-o", "args=", "-p", str(pid)], capture_output=True, text=True, check=False
    )
    return answer.stdout.strip() + " "


def describe(pids: tuple[int, ...]) -> str:
    """Return a description of processes for a message: ``4711 (python serve.py)``.

    >>> describe(())
    'processes that the system does not report'
    """
    parts = (f"{pid} ({command_line(pid)[:60].strip()})" for pid in pids)
    return ", ".join(parts) or "processes that the system does not report"
