"""Processor time of other processes, to the nanosecond: services and sessions of Postgres."""

import ctypes
import time

import psutil
from psycopg import Connection

_LIBC = ctypes.CDLL(None, use_errno=True)


class Sessions:
    """The sessions of Postgres that use a database.

    Args:
        watching: A connection to another database.
        database: The name of the database.
    """

    def __init__(self, watching: Connection, database: str) -> None:
        self._watching = watching
        self._database = database

    def processor_s(self) -> dict[int, float]:
        """Return the processor time of each of them, by its process."""
        query = "SELECT pid FROM pg_stat_activity WHERE datname = %s"
        pids = self._watching.execute(query, [self._database]).fetchall()
        return {pid: processor_s(pid) for (pid,) in pids}

    def since(self, before: dict[int, float]) -> float:
        """Return what those that exist now have used since an earlier reading."""
        now = self.processor_s()
        return sum(used - before.get(pid, 0.0) for pid, used in now.items())


def processor_s(pid: int) -> float:
    """Return the processor time of a process, with all its threads (clock_getcpuclockid(3)).

    Raises:
        OSError: There is no such process.
    """
    clock = ctypes.c_int()
    if error := _LIBC.clock_getcpuclockid(pid, ctypes.byref(clock)):
        raise OSError(error, f"the process {pid} has no clock")
    return time.clock_gettime(clock.value)


def processor_of_tree(pid: int) -> float:
    """Return the processor time of a process and of those that it started."""
    root = psutil.Process(pid)
    return sum(processor_s(each.pid) for each in (root, *root.children(recursive=True)))
