"""Put data in quarantine, and with it every version that depends on it; or a single version.

A quarantine of data covers the data recorded so far; newer data of the same partition is other
data. A version registered later on the same old data is marked at its registration. Versions that
possibly depend on the data are marked too, unless only certain ones are requested. Versions for
which this is not known are listed, but not marked.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import datetime
from itertools import groupby
from typing import NamedTuple

from pydantic import JsonValue
from pydantic_core import to_json

from pedigree._record import RecordPage
from pedigree.audit import log
from pedigree.audit.event_types import EventType
from pedigree.audit.records import Actor
from pedigree.catalog.creation_look import KnownVersion
from pedigree.catalog.quarantine_marks import FoundQuarantine, Marker, NewMarks
from pedigree.catalog.quarantine_records import MOST_MARKED, Quarantine, Quarantined
from pedigree.catalog.store import SQL, lock_model, lock_models_of_versions
from pedigree.errors import InvalidInputError, QuarantineNotFoundError
from pedigree.lineage.records import Certainty, LineageGraph
from pedigree.lineage.store import Depending, lineage_rows, trained_on
from pedigree.postgres.pages import fetch_page
from pedigree.postgres.transaction import Row, Transaction


def quarantine_data(
    transaction: Transaction,
    asset: str,
    partition: str | None,
    actor: Actor,
    *,
    reason: str,
    since: datetime | None = None,
    only_certain: bool = False,
) -> Quarantined:
    """Put an asset or one of its partitions in quarantine, with the versions that depend on it.

    Args:
        transaction: Where to write.
        asset: The asset's key, parts joined by ``/``.
        partition: One partition; all of them when None.
        actor: Who does it.
        reason: What is wrong with the data.
        since: Only data recorded since then.
        only_certain: Do not mark versions that only possibly depend on it, now or later.

    Raises:
        InvalidInputError: No reason is given.
    """
    _require_reason(reason)
    # This lock blocks registrations, so no version is missed.
    transaction.execute(SQL["lock_quarantines"])
    new = _New(asset, partition, since, reason, only_certain)
    found = _insert(transaction, new, actor)
    what: dict[str, JsonValue] = {"asset": asset, "partition": partition}
    log.record(
        transaction,
        EventType.ASSET_QUARANTINED,
        {
            **what,
            "since": None if since is None else since.isoformat(),
            "quarantine_id": found.quarantine_id,
            "reason": reason,
            "only_certain": only_certain,
        },
        at=found.at,
        actor=actor,
    )
    depending = trained_on(transaction, asset, partition, since)
    marked = [one for one in depending.versions if found.marks(one.certainty)]
    for name, versions in groupby(marked, key=lambda one: one.model_name):
        certainty = {each.version: each.certainty for each in versions}
        for model, numbers in lock_models_of_versions(transaction, name, certainty):
            marker = Marker(transaction, model, actor)
            for number in numbers:
                marker.mark(number, found, what, certainty[number])
    return _quarantined(found, depending)


def quarantine_version(
    transaction: Transaction, name: str, version: int, actor: Actor, *, reason: str
) -> None:
    """Put one version in quarantine.

    Raises:
        InvalidInputError: No reason is given.
        NotFoundError: There is no such model or version.
    """
    _require_reason(reason)
    marker = Marker(transaction, lock_model(transaction, name), actor)
    found = _insert(transaction, _New(None, None, None, reason), actor)
    marker.mark(version, found, {})


def quarantines_of(
    transaction: Transaction, lineage: LineageGraph, known: KnownVersion | None, model_id: int
) -> NewMarks:
    """Return the open quarantines of data on which a training depends or may depend.

    Without those that its version already has: the release of this version from a quarantine by a
    person stays in force.

    Args:
        transaction: Where to read.
        lineage: The graph of the training.
        known: The version of the training, if it exists.
        model_id: The version's model.
    """
    version = known.version.version_id if known else None
    nodes = to_json(lineage_rows(lineage)["nodes"]).decode()
    rows = transaction.execute(
        SQL["quarantines_of_nodes"], {"nodes": nodes, "model_id": model_id, "version": version}
    ).fetchall()
    found = []
    for row in rows:
        certainty = Certainty(row.pop("certainty"))
        found.append(FoundQuarantine(Quarantine(**row, versions=(), possible=()), certainty))
    held = transaction.execute(SQL["open_marks"], {"model_id": model_id, "version": version})
    return NewMarks(
        tuple(found),
        held=tuple((row["quarantine_id"], row["reason"]) for row in held.fetchall()),
        unchanged=known.version.quarantine_reason if known else None,
    )


def require_scope(partition: str | None, whole_asset: bool) -> None:
    """Refuse a release that does not state what it ends.

    Raises:
        InvalidInputError: Neither a partition nor the whole asset is given, or both are.
    """
    if (partition is not None) == whole_asset:
        raise InvalidInputError(
            "a release ends the quarantines of one partition or of the whole asset",
            field="partition",
            value=partition,
            remedy="Give either `partition` or `whole_asset`",
        )


def release_data(
    transaction: Transaction,
    asset: str,
    partition: str | None,
    actor: Actor,
    *,
    reason: str | None,
) -> tuple[Quarantine, ...]:
    """End the quarantines of an asset or of one of its partitions, and return the freed versions.

    A version that another quarantine also holds stays in that one.

    Raises:
        QuarantineNotFoundError: It is not in quarantine.
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
            remedy="`pedigree quarantines` lists them; name the same partition, or none",
        )
    ids = [row["quarantine_id"] for row in rows]
    log.record(
        transaction,
        EventType.ASSET_RELEASED,
        {
            "asset": asset,
            "partition": partition,
            "quarantine_ids": list(ids),
            "reason": reason,
        },
        at=rows[0]["released_at"],
        actor=actor,
    )
    marks = transaction.execute(SQL["marked_versions"], {"quarantine_ids": ids}).fetchall()
    for name, rows_of_model in groupby(marks, key=lambda row: row["model_name"]):
        versions = {row["version"] for row in rows_of_model}
        for model, numbers in lock_models_of_versions(transaction, name, versions):
            marker = Marker(transaction, model, actor)
            for number in numbers:
                marker.release(number, ids, reason)
    return _with_versions(rows, marks)


def release_version(
    transaction: Transaction, name: str, version: int, actor: Actor, *, reason: str | None
) -> None:
    """Release one version from every quarantine; the data stays in quarantine.

    A version that is not in quarantine stays unchanged.

    Raises:
        NotFoundError: There is no such model or version.
    """
    marker = Marker(transaction, lock_model(transaction, name), actor)
    if ids := [row["quarantine_id"] for row in marker.open_marks(version)]:
        marker.release(version, ids, reason)
        transaction.execute(SQL["release_alone"], {"quarantine_ids": ids, "actor": actor.name})


def open_quarantines(
    transaction: Transaction,
    *,
    limit: int,
    before: int | None,
    visible: Sequence[str] | None = None,
) -> RecordPage[Quarantine]:
    """Return the open quarantines that started before ``before``, newest first.

    Args:
        transaction: Where to read.
        limit: How many at most.
        before: The last ``quarantine_id`` of the previous page.
        visible: Only quarantines that mark a version of models of these names, with those versions;
            all of them when None.
    """
    values = {"limit": limit, "before": before, "visible": visible, "most": MOST_MARKED}
    found = fetch_page(transaction, SQL["open_quarantines"], values)
    return RecordPage((Quarantine(**row) for row in found.rows), is_cut=found.is_cut)


def _require_reason(reason: str) -> None:
    if not reason.strip():
        raise InvalidInputError(
            "is empty, and people must know why the quarantine exists",
            field="reason",
            value=reason,
            remedy="State what is wrong",
        )


class _New(NamedTuple):
    """A quarantine to create."""

    asset: str | None
    partition: str | None
    since: datetime | None
    reason: str
    only_certain: bool = False


def _insert(transaction: Transaction, new: _New, actor: Actor) -> Quarantine:
    (row,) = transaction.execute(
        SQL["insert_quarantine"], {**new._asdict(), "actor": actor.name}
    ).fetchall()
    return Quarantine(**row, versions=(), possible=())


def _quarantined(found: Quarantine, all_found: Depending) -> Quarantined:
    """Return the versions that a quarantine marks, and those that it does not."""
    depending, without_lineage = all_found
    certain = [one.reference for one in depending if one.certainty.certain]
    possible = [one.reference for one in depending if one.certainty is Certainty.POSSIBLE]
    marked = [one.reference for one in depending if found.marks(one.certainty)]
    spared = set(possible).difference(marked)
    return Quarantined(
        **found.model_dump(exclude={"versions", "possible"}),
        versions=tuple(marked),
        possible=tuple(one for one in marked if one not in certain),
        spared=tuple(one for one in possible if one in spared),
        unknown=tuple(one.reference for one in depending if one.certainty is Certainty.UNKNOWN),
        without_lineage=without_lineage,
    )


def _with_versions(rows: Iterable[Row], marks: Iterable[Row]) -> tuple[Quarantine, ...]:
    of: defaultdict[int, list[Row]] = defaultdict(list)
    for mark in marks:
        of[mark["quarantine_id"]].append(mark)
    return tuple(
        Quarantine(
            **{name: row[name] for name in Quarantine.model_fields if name in row},
            versions=_references(of[row["quarantine_id"]]),
            possible=_references(mark for mark in of[row["quarantine_id"]] if mark["possible"]),
        )
        for row in rows
    )


def _references(marks: Iterable[Row]) -> tuple[str, ...]:
    return tuple(f"{mark['model_name']}/{mark['version']}" for mark in marks)
