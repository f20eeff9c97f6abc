"""The limits of a process that reads untrusted files."""

from dataclasses import dataclass
from datetime import timedelta


@dataclass(frozen=True, slots=True, kw_only=True)
class ProcessLimits:
    """What one process may use, and how many may run at once."""

    memory: int = 1 << 30
    """Bytes."""
    time: timedelta = timedelta(seconds=60)
    """Of the processor; the clock may take twice as long, since other processes run as well."""
    output: int = 4 << 20
    """Bytes that it may answer."""
    at_once: int = 2
    """Processes that this process runs at the same time."""
    niceness: int = 0
    """How much lower its priority is, from its start; a service answers requests first."""
