"""The files of an export, and the check of them."""

import json
from collections.abc import Iterable, Iterator
from pathlib import Path

from .hashes import UnverifiedLogError
from .log import LogCheck, LogReport, SignedNote
from .notes import LogKey

EVENTS, CHECKPOINTS = "events.jsonl", "checkpoints.jsonl"
# A note has some hundred bytes; an anchor is read as a whole.
_LARGEST_NOTE = 1 << 20


def verify_export(folder: Path, keys: Iterable[LogKey], anchors: Path | None = None) -> LogReport:
    """Check an export.

    Args:
        folder: The folder of the export.
        keys: The public keys that are known from elsewhere.
        anchors: A folder with anchored checkpoints, one a file, also in folders below.

    Raises:
        OSError: A file cannot be read.
        UnverifiedLogError: A file of the export has another form.
    """
    with (folder / EVENTS).open("rb") as events, (folder / CHECKPOINTS).open("rb") as notes:
        check = LogCheck(keys, _checkpoints(notes), _anchors(anchors))
        return check.run(line.removesuffix(b"\n") for line in events)


def _checkpoints(lines: Iterable[bytes]) -> Iterator[SignedNote]:
    for number, line in enumerate(lines, 1):
        place = f"checkpoint in line {number}"
        try:
            note = json.loads(line)
        except ValueError as error:
            raise UnverifiedLogError(f"{place}: the line is not JSON") from error
        yield SignedNote(note if isinstance(note, str) else "", place)


def _anchors(folder: Path | None) -> Iterator[SignedNote]:
    if folder is None:
        return
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    if not files:
        raise UnverifiedLogError(f"{folder} has no anchors")
    for path in files:
        with path.open("rb") as file:
            note = file.read(_LARGEST_NOTE).decode("utf-8", "replace")
        yield SignedNote(note, f"anchor {path.name}", is_anchor=True)
