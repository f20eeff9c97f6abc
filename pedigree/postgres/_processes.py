"""What a process id stands for; the id alone may be a stranger's by now."""

import subprocess
import sys
from pathlib import Path


def command_line(pid: int) -> str:
    """Return a process's words, joined by spaces and ended by one; empty if there is none."""
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
    """Return processes for a message: ``4711 (python serve.py)``.

    >>> describe(())
    'processes that the system does not name'
    """
    shown = (f"{pid} ({command_line(pid)[:60].strip()})" for pid in pids)
    return ", ".join(shown) or "processes that the system does not name"
