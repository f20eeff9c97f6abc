"""The files that a source offers, and how they are written into a new folder, within limits."""

import os
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from pedigree.artifacts.path_rules import check_path, require_distinct
from pedigree.errors import SourceUnavailableError
from pedigree.settings import Settings
from pedigree.sources import refusals

_NEW_FILE = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC


@dataclass(frozen=True, slots=True)
class OfferedFile:
    """A file of a source, whose bytes are not read yet."""

    path: str
    """Relative to the source; a file that is the source itself has its own name."""
    chunks: Callable[[], Iterator[bytes]]


class FetchBudget:
    """What one fetch may still take; its time begins now.

    Args:
        source: The source, which the refusals name.
        settings: The limits.
        stop: Ends the fetch when it is set.
    """

    def __init__(
        self, source: str, settings: Settings, stop: threading.Event | None = None
    ) -> None:
        self.source = source
        self._stop = stop
        self._files = settings.mlflow_source_files
        self._bytes = settings.mlflow_source_bytes
        self._limits = settings
        self._deadline = time.monotonic() + settings.mlflow_source_timeout.total_seconds()

    @property
    def seconds_left(self) -> float:
        """The time that is left.

        Raises:
            InvalidSourceError: None is.
            SourceUnavailableError: The service stops.
        """
        if self._stop is not None and self._stop.is_set():
            raise SourceUnavailableError("the service stopped while it fetched the source")
        left = self._deadline - time.monotonic()
        if left <= 0:
            seconds = self._limits.mlflow_source_timeout.total_seconds()
            raise refusals.refused(
                self.source,
                f"Fetching it took more than {seconds:g} s (PEDIGREE_MLFLOW_SOURCE_TIMEOUT)",
            )
        return left

    def take_file(self) -> None:
        """Count a file, or a folder that is listed.

        Raises:
            InvalidSourceError: There are more than are allowed.
        """
        self._files -= 1
        if self._files < 0:
            raise refusals.refused(
                self.source,
                f"It has more than {self._limits.mlflow_source_files:,} files"
                " (PEDIGREE_MLFLOW_SOURCE_FILES)",
            )

    def take_bytes(self, count: int) -> None:
        """Count some bytes.

        Raises:
            InvalidSourceError: There are more than are allowed, or the time is over.
        """
        self._bytes -= count
        if self._bytes < 0:
            raise refusals.refused(
                self.source,
                f"It has more than {self._limits.mlflow_source_bytes:,} bytes"
                " (PEDIGREE_MLFLOW_SOURCE_BYTES)",
            )
        _ = self.seconds_left


def write_offered(offered: Iterable[OfferedFile], folder: Path, budget: FetchBudget) -> None:
    """Write files into a new folder; archives stay files, and nothing of them is read.

    Raises:
        InvalidSourceError: There is none, or a limit is reached.
        InvalidArtifactError: A path leaves the folder, or no file of an artifact may have it.
        SourceUnavailableError: The source does not answer.
    """
    listed = []
    for file in offered:
        budget.take_file()
        check_path(file.path)
        listed.append(file)
    if not listed:
        raise refusals.refused(budget.source, "It holds no files")
    require_distinct(file.path for file in listed)
    for file in listed:
        target = folder / file.path
        target.parent.mkdir(parents=True, exist_ok=True)
        with os.fdopen(os.open(target, _NEW_FILE, 0o600), "wb") as opened:
            for chunk in file.chunks():
                budget.take_bytes(len(chunk))
                opened.write(chunk)
