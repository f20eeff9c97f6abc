"""The files of an export, and the check of them."""

import json
from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from .attestations import OutsideTrust
from .hashes import UnverifiedLogError
from .log import LogCheck, SignedNote
from .notes import LogKey, read_base64
from .report import LogReport
from .tables import TableReplay
from .timestamps import LARGEST_REPLY

EVENTS, CHECKPOINTS, TIMESTAMPS = "events.jsonl", "checkpoints.jsonl", "timestamps.jsonl"
PENDING, STATE, ACCESS = "pending.jsonl", "state.jsonl", "access.jsonl"
REPLY = ".tsr"
"""The suffix of a file with the reply of an authority; a file without suffixes has its note."""
_OF_MODELS = "the tables of the models"
_OF_ACCESS = "the tables of roles, groups, grants, tokens and people"
# A note has some hundred bytes; an anchor is read as a whole.
_LARGEST_NOTE = 1 << 20


def verify_export(
    folder: Path,
    keys: Iterable[LogKey],
    anchors: Path | None = None,
    trust: OutsideTrust = OutsideTrust(),  # noqa: B008
    *,
    tables: bool = True,
) -> LogReport:
    """Check an export.

    Args:
        folder: The folder of the export.
        keys: The public keys that are known from elsewhere.
        anchors: A folder with anchored checkpoints, one a file, also in folders below.
        trust: Who is trusted besides the log.
        tables: Replay the events, and compare the exported tables with the result.

    Raises:
        OSError: A file cannot be read.
        UnverifiedLogError: A file of the export has another form.
    """
    with ExitStack() as files:
        events, notes = (
            files.enter_context((folder / name).open("rb")) for name in (EVENTS, CHECKPOINTS)
        )
        stamps, pending, state, access = (
            files.enter_context((folder / name).open("rb")) if (folder / name).exists() else None
            for name in (TIMESTAMPS, PENDING, STATE, ACCESS)
        )
        check = LogCheck(
            keys,
            _checkpoints(notes),
            _anchors(anchors),
            stamped=_stamped(stamps or ()),
            trust=trust,
        )
        for what, file in ((_OF_MODELS, state), (_OF_ACCESS, access)):
            if file is None or not tables:
                check.report.unchecked.append(what)
        if not tables or (state is None and access is None):
            return check.run(map(_content, events))
        replay = TableReplay(check.report)
        check.run(_replayed(replay, map(_content, events)))
        for line in pending or ():
            replay.add(_content(line))
        if state is not None:
            replay.compare(state)
        if access is not None:
            replay.access.compare(access)
        return check.report


def _content(line: bytes) -> bytes:
    return line.removesuffix(b"\n")


def _replayed(replay: TableReplay, contents: Iterable[bytes]) -> Iterator[bytes]:
    """Yield the contents of events after their replay."""
    for content in contents:
        replay.add(content)
        yield content


def paired_reply(key: str) -> str | None:
    """Return the key of the note that the reply under a key stamps; None if it is a note itself.

    >>> paired_reply("log/7/0042.a1b2.tsr"), paired_reply("log/7/0042")
    ('log/7/0042', None)
    """
    folder, slash, name = key.rpartition("/")
    return f"{folder}{slash}{name.partition('.')[0]}" if name.endswith(REPLY) else None


def _checkpoints(lines: Iterable[bytes]) -> Iterator[SignedNote]:
    for number, line in enumerate(lines, 1):
        place = f"checkpoint in line {number}"
        note = _parsed(line, place)
        yield SignedNote(note if isinstance(note, str) else "", place)


def _stamped(lines: Iterable[bytes]) -> Iterator[SignedNote]:
    for number, line in enumerate(lines, 1):
        place = f"time stamp in line {number}"
        found = _parsed(line, place)
        texts = [found.get(key) for key in ("note", "reply")] if isinstance(found, dict) else []
        note, reply = (text if isinstance(text, str) else "" for text in texts or ("", ""))
        yield SignedNote(note, place, reply=read_base64(reply))


def _parsed(line: bytes, place: str) -> Any:
    try:
        return json.loads(line)
    except (ValueError, RecursionError) as error:
        raise UnverifiedLogError(f"{place}: the line is not JSON") from error


def _anchors(folder: Path | None) -> Iterator[SignedNote]:
    if folder is None:
        return
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    if not files:
        raise UnverifiedLogError(f"{folder} has no anchors")
    for path in files:
        of = paired_reply(path.name)
        noted = path if of is None else path.with_name(of)
        note = _read(noted, _LARGEST_NOTE) if noted.is_file() else b""
        reply = None if of is None else _read(path, LARGEST_REPLY + 1)
        yield SignedNote(
            note.decode("utf-8", "replace"), f"anchor {path.name}", is_anchor=True, reply=reply
        )


def _read(path: Path, most: int) -> bytes:
    with path.open("rb") as file:
        return file.read(most)
