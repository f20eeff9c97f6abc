"""What a process id stands for; the id alone may be a stranger's by now."""

import shlex
import subprocess
import sys
from pathlib import Path


def arguments(pid: int) -> list[str]:
    """Return a process's command line; empty if there is none."""
    if sys.platform == "linux":
        try:
            raw = Path(f"/proc/{pid}/cmdline").read_bytes()
        except OSError:
            return []
        return raw.decode(errors="replace").rstrip("\0").split("\0")
    answer = subprocess.run(
        ["ps", "-o", "args=", "-p", str(pid)], capture_output=True, text=True, check=False
    )
    return shlex.split(answer.stdout)


def describe(pids: tuple[int, ...]) -> str:
    """Return processes for a message: ``4711 (python serve.py)``.

    >>> describe(())
    'processes that the system does not name'
    """
    shown = (f"{pid} ({' '.join(arguments(pid))[:60]})" for pid in pids)
    return ", ".join(shown) or "processes that the system does not name"
