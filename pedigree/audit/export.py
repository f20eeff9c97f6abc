"""The export of a log as files, and the check of a log in its database."""

import base64
import json
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from pathlib import Path
from typing import NamedTuple, TypeAlias

from pedigree.audit import log
from pedigree.audit.key_history import known_keys, read_keys
from pedigree.audit.nodes import SQL
from pedigree.audit.verifier.access import exported_row
from pedigree.audit.verifier.attestations import OutsideTrust
from pedigree.audit.verifier.export import (
    ACCESS,
    CHECKPOINTS,
    EVENTS,
    PENDING,
    STATE,
    TIMESTAMPS,
    verify_export,
)
from pedigree.audit.verifier.hashes import UnverifiedLogError
from pedigree.audit.verifier.log import LogCheck, SignedNote
from pedigree.audit.verifier.notes import LogKey
from pedigree.audit.verifier.report import LogReport
from pedigree.audit.verifier.states import ReplayedModel
from pedigree.audit.verifier.tables import plain_state
from pedigree.errors import InvalidInputError, LogTamperedError
from pedigree.postgres.database import Database
from pedigree.postgres.pages import fetch_page
from pedigree.postgres.transaction import Row, Transaction, stream, take_snapshot

ModelStates: TypeAlias = Callable[[Transaction], Iterable[tuple[str, ReplayedModel | str]]]
"""Reads the state of each model from its tables, or why there is none."""
AccessRows: TypeAlias = Callable[[Transaction], Iterable[tuple[str, str, Row]]]
"""Reads the rows of the tables of access: the table's name, the key and the row."""


class ExportedTables(NamedTuple):
    """Reads the tables that an export has besides the log."""

    models: ModelStates
    access: AccessRows


class ExportedLog(NamedTuple):
    """How much an export has."""

    events: int
    checkpoints: int
    timestamps: int


def export(database: Database, folder: Path, tables: ExportedTables | None = None) -> ExportedLog:
    """Write the events, checkpoints, time stamps and tables of one moment to a new folder.

    Args:
        database: The registry's database.
        folder: The folder.
        tables: Reads the tables, which are left out if None.

    Raises:
        InvalidInputError: The folder exists, or cannot be written.
        LogTamperedError: The feed has a gap.
    """
    try:
        folder.mkdir()
        log.sequence(database)  # what has no place yet is exported apart, and is not sealed
        return database.transaction(partial(_write, folder, tables))
    except UnverifiedLogError as error:
        raise LogTamperedError(
            f"the export is not complete: {error}", remedy="Run `pedigree audit verify`"
        ) from error
    except OSError as error:
        raise InvalidInputError(
            f"the export cannot be written: {error.strerror}",
            field="folder",
            value=str(folder),
            remedy="Name a folder that does not exist, in one that does",
        ) from error


def verify(
    database: Database,
    keys: Iterable[LogKey],
    anchors: Iterable[SignedNote] = (),
    trust: OutsideTrust = OutsideTrust(),  # noqa: B008
) -> LogReport:
    """Check the log of one moment against its checkpoints and anchors.

    Args:
        database: The registry's database.
        keys: The public keys that are known from elsewhere; those of the log itself if empty.
        anchors: Checkpoints that were kept elsewhere.
        trust: Who is trusted besides the log.
    """
    given, kept = list(keys), list(anchors)

    def check(transaction: Transaction) -> LogReport:
        take_snapshot(transaction)
        trusted = given or [LogKey.parse(each.key) for each in known_keys(transaction)]
        notes = (
            SignedNote(row["note"], f"checkpoint of {row['size']}")
            for row in _checkpoints(transaction)
        )
        stamped = (
            SignedNote(row["note"], f"time stamp of {row['size']}", reply=bytes(row["reply"]))
            for row in _timestamps(transaction)
        )
        check = LogCheck(trusted, notes, kept, stamped=stamped, trust=trust)
        return check.run(_contents(transaction))

    return database.transaction(check)


def sealed_events(transaction: Transaction, *, after: int, limit: int) -> tuple[bytes, ...]:
    """Return the bytes of sealed events after a place in the feed; a page may end early."""
    values = {"after": after, "limit": limit}
    found = fetch_page(transaction, SQL["sealed_events"], values)
    return tuple(bytes(row["canonical"]) for row in found.rows)


def verify_folder(
    folder: Path,
    keys: Iterable[str],
    anchors: Path | None = None,
    trust: OutsideTrust = OutsideTrust(),  # noqa: B008
) -> LogReport:
    """Check an export, as the offline verifier does.

    Args:
        folder: The folder of the export.
        keys: The public keys that are known from elsewhere, besides those of the policy.
        anchors: A folder with anchored checkpoints.
        trust: Who is trusted besides the log.

    Raises:
        InvalidInputError: No key is given, or a file or a key cannot be read.
    """
    given = [*read_keys(keys), *(trust.policy.logs if trust.policy else ())]
    if not given:
        raise InvalidInputError(
            "a public key of the log is required",
            field="--key",
            remedy="Name the key that you know from elsewhere",
        )
    try:
        return verify_export(folder, given, anchors, trust)
    except (OSError, UnverifiedLogError) as error:
        reason = error.strerror if isinstance(error, OSError) else str(error)
        raise InvalidInputError(
            f"the export cannot be read: {reason}", field="--export", value=str(folder)
        ) from error


def _write(folder: Path, tables: ExportedTables | None, transaction: Transaction) -> ExportedLog:
    take_snapshot(transaction)
    events = checkpoints = stamps = 0
    with (folder / EVENTS).open("wb") as file:
        for content in _contents(transaction):
            file.write(content + b"\n")
            events += 1
    with (folder / CHECKPOINTS).open("w", encoding="utf-8") as notes:
        for row in _checkpoints(transaction):
            notes.write(json.dumps(row["note"]) + "\n")
            checkpoints += 1
    with (folder / TIMESTAMPS).open("w", encoding="utf-8") as file:
        for row in _timestamps(transaction):
            reply = base64.b64encode(row["reply"]).decode()
            line = {"authority": row["authority"], "note": row["note"], "reply": reply}
            file.write(json.dumps(line) + "\n")
            stamps += 1
    with (folder / PENDING).open("wb") as pending:
        for row in stream(transaction, SQL["pending_events"]):
            pending.write(bytes(row["canonical"]) + b"\n")
    if tables is not None:
        _write_states(folder / STATE, tables.models(transaction))
        with (folder / ACCESS).open("w", encoding="utf-8") as file:
            for table, key, found in tables.access(transaction):
                file.write(json.dumps(exported_row(table, key, found)) + "\n")
    return ExportedLog(events, checkpoints, stamps)


def _write_states(path: Path, states: Iterable[tuple[str, ReplayedModel | str]]) -> None:
    with path.open("w", encoding="utf-8") as file:
        for name, found in states:
            line = {"problem": found} if isinstance(found, str) else {"state": plain_state(found)}
            file.write(json.dumps({"name": name, "state": None, **line}) + "\n")


def _checkpoints(transaction: Transaction) -> Iterator[Row]:
    """Yield all checkpoints, the oldest first; other statements may run in between."""
    after = 0
    while rows := transaction.execute(SQL["log_checkpoints"], {"after": after}).fetchall():
        yield from rows
        after = rows[-1]["size"]


def _timestamps(transaction: Transaction) -> Iterator[Row]:
    """Yield all time stamps with their notes, the oldest first."""
    after = {"after": 0, "authority": ""}
    while rows := transaction.execute(SQL["log_timestamps"], after).fetchall():
        yield from rows
        after = {"after": rows[-1]["size"], "authority": rows[-1]["authority"]}


def _contents(transaction: Transaction) -> Iterator[bytes]:
    """Yield the bytes of all events in the order of the feed."""
    for expected, row in enumerate(stream(transaction, SQL["log_events"]), 1):
        if row["seq"] != expected:
            raise UnverifiedLogError(f"the feed lacks the event {expected}")
        yield bytes(row["canonical"])
