"""Scan the files of an artifact for code that loading would run; nothing is loaded.

A file that cannot contain code is *data*; a format that cannot be scanned is *unscannable*, and is
reported as such instead of as clean. So is a file whose scan hits a limit. The scan runs in a
confined process (:mod:`pedigree.untrusted`).
"""

from collections.abc import Collection, Iterator
from enum import StrEnum
from pathlib import Path
from typing import Any

from pydantic import Field, ValidationError

from pedigree._record import Record
from pedigree.libraries import library
from pedigree.untrusted.limits import ProcessLimits
from pedigree.untrusted.processes import Answers, run_job

EXTRA = "scan"
_JOB = "pedigree.artifacts._scanner:scan_files"


class ScanKind(StrEnum):
    """The result of scanning a file."""

    DATA = "data"
    PICKLE = "pickle"
    UNSCANNABLE = "unscannable"


class FileScan(Record):
    """The result for one file, or for one member of an archive (``model.zip!weights.pkl``)."""

    path: str
    kind: ScanKind
    imports: tuple[str, ...] = Field(default=(), description="The imports of a pickle")
    dangerous: tuple[str, ...] = Field(
        default=(), description="The imports that are not known to be harmless"
    )
    reason: str | None = Field(default=None, description="Why it cannot be scanned")
    limited: bool = Field(default=False, description="Its scan hit a limit, or could not begin")


def scan(
    folder: Path, allow: Collection[str] = (), *, limits: ProcessLimits | None = None
) -> tuple[FileScan, ...]:
    """Scan every file of a folder, regardless of its name.

    Args:
        folder: The artifact's files.
        allow: Full names that are allowed in addition to picklescan's harmless ones.
        limits: What the scanning process may use; the defaults when None.

    Raises:
        MissingDependencyError: picklescan is not installed.
        ServiceBusyError: As many scans as are allowed at once still run after some seconds.
        UnavailableError: The scanning process cannot start.
    """
    library("picklescan.scanner", extra=EXTRA)
    limits = limits or ProcessLimits()
    files = (path for path in folder.rglob("*") if path.is_file())
    paths = sorted(path.relative_to(folder).as_posix() for path in files)
    request = {
        "folder": str(folder.absolute()),
        "paths": paths,
        "allow": sorted(allow),
    }
    answers = run_job(_JOB, request, limits)
    return tuple(found for path, each in _by_path(paths, answers) for found in _scans(path, each))


def _by_path(paths: list[str], answers: Answers) -> Iterator[tuple[str, Any]]:
    """Yield each file with the answer about it, or with the reason why there is none."""
    stopped = answers.stopped
    for place, path in enumerate(paths):
        if place < len(answers.lines):
            yield path, answers.lines[place]
        elif place == len(answers.lines):
            yield path, stopped or "its scan has no result"
        else:
            yield path, "the scan ended at an earlier file"


def _scans(path: str, answer: Any) -> list[FileScan]:
    """Return the results for one file; the process that answers is not trusted."""
    if isinstance(answer, list) and answer:
        try:
            return [FileScan(**found) for found in answer]
        except (ValidationError, TypeError):
            answer = "its scan has no valid result"
    reason = answer if isinstance(answer, str) else "its scan has no result"
    return [FileScan(path=path, kind=ScanKind.UNSCANNABLE, reason=reason, limited=True)]
