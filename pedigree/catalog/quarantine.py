"""Put data in quarantine, and with it every version that stands on it; or one version alone.

A quarantine of data is about what was recorded until then: newer data of the same partition is
other data. A version that is registered later on the same old data is marked when it comes.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime
from itertools import groupby
from typing import NamedTuple

from pydantic import JsonValue

from pedigree.audit import log
from pedigree.audit.records import Actor, EventType
from pedigree.audit.replay import QUARANTINE
from pedigree.audit.states import combined_reason
from pedigree.catalog.records import Quarantine
from pedigree.catalog.store import SQL, LockedModel, lock_any_model, lock_model, version_not_found
from pedigree.errors import InvalidInputError, QuarantineNotFoundError
from pedigree.lineage.store import trained_on
from pedigree.postgres.transaction import Row, Transaction


def quarantine_data(
    transaction: Transaction,
    asset: str,
    partition: str | None,
    actor: Actor,
    *,
    reason: str,
    since: datetime | None = None,
) -> Quarantine:
    """Put an asset or one of its partitions in quarantine, with all versions that stand on it.

    Raises:
        InvalidInputError: No reason is given.
    """
    _require_reason(reason)
    # Nobody registers meanwhile, so no version is overlooked.
    transaction.execute(SQL["lock_quarantines"])
    found = _insert(transaction, asset, partition, since=since, reason=reason, actor=actor)
    what: dict[str, JsonValue] = {"asset": asset, "partition": partition}
    log.record(
        transaction,
        EventType.ASSET_QUARANTINED,
        model=None,
        at=found.at,
        actor=actor,
        body={
            **what,
            "since": None if since is None else since.isoformat(),
            "quarantine_id": found.quarantine_id,
            "reason": reason,
        },
    )
    marked = trained_on(transaction, asset, partition, since)
    for name, versions in groupby(marked, key=lambda one: one.model_name):
        marker = _Marker(transaction, lock_any_model(transaction, name), actor)
        for version in versions:
            marker.mark(version.version, found, {**what, "certainty": version.certainty.value})
    return found.model_copy(update={"versions": tuple(one.reference for one in marked)})


def quarantine_version(
    transaction: Transaction, name: str, version: int, actor: Actor, *, reason: str
) -> None:
    """Put one version in quarantine.

    Raises:
        InvalidInputError: No reason is given.
        NotFoundError: There is no such model or version.
    """
    _require_reason(reason)
    marker = _Marker(transaction, lock_model(transaction, name), actor)
    found = _insert(transaction, None, None, since=None, reason=reason, actor=actor)
    marker.mark(version, found, {})


def quarantine_registered(
    transaction: Transaction, model: LockedModel, version: int, training_id: str, actor: Actor
) -> str | None:
    """Mark a version one of whose trainings, just written, stands on data in quarantine.

    A person who released this version from that quarantine is not overruled.

    Returns:
        Why the data is in quarantine; None where it is not.
    """
    rows = transaction.execute(
        SQL["quarantines_of_training"],
        {"training_id": training_id, "model_id": model.model_id, "version": version},
    ).fetchall()
    for row in rows:
        found = Quarantine(**row, versions=())
        body: dict[str, JsonValue] = {"asset": found.asset, "partition": found.partition}
        _Marker(transaction, model, actor).mark(version, found, body)
    return combined_reason(row["reason"] for row in rows)


def release_data(
    transaction: Transaction,
    asset: str,
    partition: str | None,
    actor: Actor,
    *,
    reason: str | None,
) -> tuple[Quarantine, ...]:
    """End the quarantines of an asset or of one of its partitions, and tell which versions leave.

    A version that another quarantine holds as well stays in that one.

    Raises:
        QuarantineNotFoundError: It is in none.
    """
    transaction.execute(SQL["lock_quarantines"])
    rows = transaction.execute(
        SQL["release_data"], {"asset": asset, "partition": partition, "actor": actor.name}
    ).fetchall()
    if not rows:
        raise QuarantineNotFoundError(
            "is not in quarantine",
            field="asset",
            value=asset if partition is None else f"{asset} [{partition}]",
            remedy="`pedigree quarantines` lists what is; name the same partition, or none",
        )
    ids = [row["quarantine_id"] for row in rows]
    log.record(
        transaction,
        EventType.ASSET_RELEASED,
        model=None,
        at=rows[0]["released_at"],
        actor=actor,
        body={
            "asset": asset,
            "partition": partition,
            "quarantine_ids": list(ids),
            "reason": reason,
        },
    )
    marks = transaction.execute(SQL["marked_versions"], {"quarantine_ids": ids}).fetchall()
    for name, rows_of_model in groupby(marks, key=lambda row: row["model_name"]):
        marker = _Marker(transaction, lock_any_model(transaction, name), actor)
        for version in sorted({row["version"] for row in rows_of_model}):
            marker.release(version, ids, reason)
    return _with_versions(rows, marks)


def release_version(
    transaction: Transaction, name: str, version: int, actor: Actor, *, reason: str | None
) -> None:
    """Take one version out of every quarantine; the data stays in its own.

    A version that is in none is left as it is.

    Raises:
        NotFoundError: There is no such model or version.
    """
    marker = _Marker(transaction, lock_model(transaction, name), actor)
    if ids := [row["quarantine_id"] for row in marker.open_marks(version)]:
        marker.release(version, ids, reason)
        transaction.execute(SQL["release_alone"], {"quarantine_ids": ids, "actor": actor.name})


def open_quarantines(
    transaction: Transaction, *, limit: int, before: int | None
) -> tuple[Quarantine, ...]:
    """Return what is in quarantine, the newest first; what was put there before ``before``."""
    values = {"limit": limit, "before": before}
    rows = transaction.execute(SQL["open_quarantines"], values).fetchall()
    ids = [row["quarantine_id"] for row in rows]
    marks = transaction.execute(SQL["marked_versions"], {"quarantine_ids": ids}).fetchall()
    return _with_versions(rows, marks)


def _require_reason(reason: str) -> None:
    if not reason.strip():
        raise InvalidInputError(
            "is empty, and people who meet the quarantine must know why",
            field="reason",
            value=reason,
            remedy="Say what is wrong",
        )


def _insert(
    transaction: Transaction,
    asset: str | None,
    partition: str | None,
    *,
    since: datetime | None,
    reason: str,
    actor: Actor,
) -> Quarantine:
    (row,) = transaction.execute(
        SQL["insert_quarantine"],
        {
            "asset": asset,
            "partition": partition,
            "since": since,
            "reason": reason,
            "actor": actor.name,
        },
    ).fetchall()
    return Quarantine(**row, versions=())


class _Marker(NamedTuple):
    """Marks versions of one model, under its lock."""

    transaction: Transaction
    model: LockedModel
    actor: Actor

    def mark(self, version: int, found: Quarantine, body: dict[str, JsonValue]) -> None:
        key = {**self._key(version), "quarantine_id": found.quarantine_id}
        self.transaction.execute(SQL["insert_mark"], key)
        self._say_why(version)
        told = {**body, "quarantine_id": found.quarantine_id, "reason": found.reason}
        self._tell(EventType.VERSION_QUARANTINED, version, told)

    def release(self, version: int, ids: Sequence[int], reason: str | None) -> None:
        key = {**self._key(version), "quarantine_ids": ids, "at": self.model.at}
        self.transaction.execute(SQL["release_marks"], key)
        self._say_why(version)
        self._tell(
            EventType.VERSION_RELEASED,
            version,
            {"from": QUARANTINE, "quarantine_ids": list(ids), "reason": reason},
        )

    def open_marks(self, version: int) -> list[Row]:
        return self.transaction.execute(SQL["open_marks"], self._key(version)).fetchall()

    def _say_why(self, version: int) -> None:
        why = combined_reason(row["reason"] for row in self.open_marks(version))
        said = self.transaction.execute(
            SQL["quarantine_version"], {**self._key(version), "reason": why}
        )
        if not said.rowcount:
            raise version_not_found(self.model.name, version)

    def _key(self, version: int) -> dict[str, int]:
        return {"model_id": self.model.model_id, "version": version}

    def _tell(self, event_type: EventType, version: int, body: dict[str, JsonValue]) -> None:
        log.record(
            self.transaction,
            event_type,
            model=self.model.name,
            version=version,
            at=self.model.at,
            actor=self.actor,
            body=body,
        )


def _with_versions(rows: Iterable[Row], marks: Sequence[Row]) -> tuple[Quarantine, ...]:
    return tuple(
        Quarantine(
            **{name: row[name] for name in Quarantine.model_fields if name in row},
            versions=tuple(
                f"{mark['model_name']}/{mark['version']}"
                for mark in marks
                if mark["quarantine_id"] == row["quarantine_id"]
            ),
        )
        for row in rows
    )
