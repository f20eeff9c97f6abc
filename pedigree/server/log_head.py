"""The size and the root of the audit log, which every answer announces."""

import base64
import threading

from pedigree.audit.sealer import checkpoint_over
from pedigree.delivery.background_thread import is_over
from pedigree.postgres.database import Database

HEADER = b"pedigree-log"
_PAUSE_S = 1.0


class LogHead:
    """The newest checkpoint of the audit log, as far as this process knows."""

    def __init__(self) -> None:
        self.headers: tuple[tuple[bytes, bytes], ...] = ()
        """The header of every answer; none while no event is sealed."""

    def follow(self, database: Database) -> "LogHeadFollower":
        """Return the work that keeps it current."""
        return LogHeadFollower(self, database)


class LogHeadFollower:
    """Reads the newest checkpoint once a second.

    Args:
        head: What it keeps current.
        database: The registry's database.
    """

    def __init__(self, head: LogHead, database: Database) -> None:
        self._head = head
        self._database = database

    def run(self, *, stop: threading.Event | None = None) -> int:
        """Read it until ``stop`` is set; return how often it changed."""
        waiting, changes = stop or threading.Event(), 0
        while not is_over(None, stop):
            changes += self.look()
            waiting.wait(_PAUSE_S)
        return changes

    def look(self) -> bool:
        """Read it, and return whether it changed."""
        checkpoint = self._database.read(checkpoint_over)
        if checkpoint is None:
            return False
        root = base64.b64encode(bytes.fromhex(checkpoint.root))
        headers = ((HEADER, b"%d %s" % (checkpoint.size, root)),)
        changed = headers != self._head.headers
        self._head.headers = headers
        return changed
