"""The newest state of a service's audit log that this machine saw.

A registry whose log later is shorter, or not an extension, is refused: its past was rewritten, or
it is another registry. The first state is trusted. The signed note is kept as evidence.
"""

import base64
import hashlib
import json
import logging
import math
import os
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from tempfile import NamedTemporaryFile

from pedigree._record import Record
from pedigree.audit.log_records import LogConsistency
from pedigree.audit.verifier.hashes import UnverifiedLogError, require_consistency
from pedigree.audit.verifier.notes import Checkpoint, read_checkpoint
from pedigree.contract import paths
from pedigree.contract.paths import fill
from pedigree.errors import LogTamperedError, NotFoundError, PedigreeError

_LOG = logging.getLogger(__name__)

HEADER = "pedigree-log"
"""The header by which a service announces that it has a log."""
INTERVAL_S = 60.0
"""The least time between two comparisons."""

Fetch = Callable[[str], bytes]


class RememberedLog(Record):
    """The state of a log that a client saw."""

    url: str
    origin: str
    size: int
    root: str
    note: str

    def checkpoint(self) -> Checkpoint:
        """Return its checkpoint."""
        return Checkpoint(self.origin, self.size, base64.b64decode(self.root))


class LogMemory:
    """Compares a service's log with what this machine saw before.

    Args:
        folder: Where the states are kept, one file for each service.
        url: The URL of the service.
        fetch: Returns the body at a path below the URL.
    """

    def __init__(self, folder: Path, url: str, fetch: Fetch) -> None:
        name = hashlib.sha256(url.encode()).hexdigest()[:32]
        self._path = folder / f"{name}.json"
        self._url = url
        self._fetch = fetch
        self._guard = threading.Lock()
        self._tried = -math.inf
        self._refusal: LogTamperedError | None = None

    def require_sound(self) -> None:
        """Compare the log, at most once a minute, before a request relies on the service.

        Raises:
            LogTamperedError: The log is shorter than it was, or not an extension of what it was.
        """
        if self._guard.acquire(blocking=False):  # a thread compares for all
            try:
                age = self._age()
                if age is None:
                    self._refusal = None  # a person removed the state
                elif self._is_due(age):
                    self._tried = time.monotonic()
                    self._refusal = None
                    self._compare()
            finally:
                self._guard.release()
        if self._refusal is not None:
            raise self._refusal

    def note_announced(self, announced: str | None) -> None:
        """Remember the first state of a log that the service announces."""
        if announced is None or self._age() is not None:
            return
        with self._guard:
            if self._is_due(math.inf):
                self._tried = time.monotonic()
                with suppress(PedigreeError, ValueError):  # it is tried again
                    note = self._fetch(paths.LOG_CHECKPOINT).decode()
                    self._keep(read_checkpoint(note), note)

    def _age(self) -> float | None:
        """Return the seconds since the last comparison of all processes; None without a state."""
        try:
            return abs(time.time() - self._path.stat().st_mtime)
        except OSError:
            return None

    def _is_due(self, age: float) -> bool:
        """Return whether neither this process nor another one compared within a minute."""
        return min(age, time.monotonic() - self._tried) >= INTERVAL_S

    def _compare(self) -> None:
        try:
            known = RememberedLog.model_validate_json(self._path.read_bytes())
        except (OSError, ValueError):
            return  # it is written again by the next announcement
        old = known.checkpoint()
        try:
            new = self._newest(old)
            found = LogConsistency.model_validate_json(
                self._fetch(fill(paths.LOG_CONSISTENCY, old=old.size))
            )
            later = Checkpoint(found.origin, found.new_size, bytes.fromhex(found.new_root))
            proof = [base64.b64decode(each) for each in found.proof]
            require_consistency((old.size, old.root), (later.size, later.root), proof)
            if later.origin != old.origin or later.size < new.size:
                raise UnverifiedLogError("the proof is of another log")
        except LogTamperedError as error:
            self._refusal = error
        except (UnverifiedLogError, ValueError) as error:
            self._refusal = self._refused(old, str(error))
        except PedigreeError as error:  # the log is compared again after a minute
            _LOG.warning(
                "the log of %s cannot be compared: %s",
                self._url,
                error,
                extra={"action": "log.not_compared"},
            )
        else:
            self._keep(later, found.checkpoint)

    def _newest(self, old: Checkpoint) -> Checkpoint:
        """Return the newest checkpoint of the service.

        Raises:
            UnverifiedLogError: There is none, or it is of another or a shorter log.
        """
        try:
            new = read_checkpoint(self._fetch(paths.LOG_CHECKPOINT).decode())
        except NotFoundError as error:
            raise UnverifiedLogError("the service has no sealed log any more") from error
        if new.origin != old.origin:
            raise UnverifiedLogError(f"it is the log {new.origin}, not {old.origin}")
        if new.size < old.size:
            raise UnverifiedLogError(f"it has only {new.size} events")
        return new

    def _refused(self, old: Checkpoint, reason: str) -> LogTamperedError:
        return LogTamperedError(
            f"the audit log of {self._url} had {old.size} events with the root {old.root.hex()},"
            f" and does not extend that now: {reason}",
            field="url",
            remedy="Ask who operates the service. If it is a new registry on purpose, remove"
            f" {self._path}",
        )

    def _keep(self, checkpoint: Checkpoint, note: str) -> None:
        """Write the state, so that a crash leaves the previous one or this one."""
        root = base64.b64encode(checkpoint.root).decode()
        state = {**checkpoint._asdict(), "root": root, "url": self._url, "note": note}
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            with NamedTemporaryFile(
                "w", dir=self._path.parent, prefix=".", delete=False, encoding="utf-8"
            ) as file:
                json.dump(state, file)
                file.flush()
                os.fsync(file.fileno())
            Path(file.name).replace(self._path)
        except OSError as error:
            _LOG.warning(
                "the state of the log of %s is not kept: %s",
                self._url,
                error.strerror,
                extra={"action": "log.not_kept"},
            )
