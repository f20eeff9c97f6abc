"""Storage of profiles and drift results."""

from psycopg.types.json import Jsonb
from pydantic import JsonValue

from pedigree._record import RecordPage
from pedigree.audit.event_types import EventType
from pedigree.audit.json_digests import json_digest
from pedigree.audit.records import Actor
from pedigree.catalog.names import name_key
from pedigree.catalog.records import ModelVersion
from pedigree.catalog.store import lock_model, version_not_found
from pedigree.errors import NotFoundError
from pedigree.monitoring.records import DataProfile, DriftResult, RecordedDrift
from pedigree.monitoring.report import ReportDigests
from pedigree.postgres.pages import at_least_one, fetch_page
from pedigree.postgres.queries import load_queries
from pedigree.postgres.transaction import Row, Transaction

_SQL = load_queries(__package__)


def insert_profile(
    transaction: Transaction, version: ModelVersion, profile: DataProfile, actor: Actor
) -> None:
    """Store the profile of a version's training data, unless it has one already.

    Raises:
        NotFoundError: The model was deleted concurrently.
    """
    model = lock_model(transaction, version.model_name)
    inserted = transaction.execute(
        _SQL["insert_profile"],
        {
            "model_id": model.model_id,
            "version": version.version_id,
            "digest": profile.digest,
            "profile": Jsonb(profile.model_dump(mode="json")),
            "at": model.at,
        },
    )
    if inserted.rowcount:
        model.record(
            EventType.VERSION_PROFILED,
            {"profile": profile.digest, "rows": profile.rows},
            version=version.version_id,
            actor=actor,
        )


def profile_of(transaction: Transaction, version: ModelVersion) -> DataProfile:
    """Return the profile of a version's training data.

    Raises:
        NotFoundError: The version has no profile.
    """
    row = transaction.execute(_SQL["profile_of"], _key(version)).fetchone()
    if row is None:
        raise NotFoundError(
            "has no profile of its training data, so nothing can be compared with it",
            field="reference",
            value=version.reference,
            remedy="Return TrainedModel(…, training_profile=profile(frame)) from the training, or"
            " use `Registry.keep_profile`",
        )
    return DataProfile.model_validate(row["profile"])


def insert_result(
    transaction: Transaction,
    version: ModelVersion,
    result: DriftResult,
    *,
    profile: DataProfile,
    report: ReportDigests,
    actor: Actor,
) -> int:
    """Insert the result of a comparison, log its event and return its ID.

    Raises:
        NotFoundError: The model or the version was deleted concurrently.
    """
    model = lock_model(transaction, version.model_name)
    inserted = transaction.execute(
        _SQL["insert_result"],
        {
            "model_id": model.model_id,
            "version": version.version_id,
            "asset": result.asset,
            "partition": result.partition or "",
            "drifted": result.drifted,
            "result": Jsonb(result.model_dump(mode="json")),
            "profile": Jsonb(profile.model_dump(mode="json")),
            "html": report.html,
            "markdown": report.markdown,
            "at": model.at,
            "actor": actor.name,
        },
    ).fetchone()
    if inserted is None:
        raise version_not_found(model.name, version.version_id)
    drift_id = int(inserted["drift_id"])
    body = _drift_event(result, drift_id) | {
        "result": json_digest(result.model_dump(mode="json")),
        "served": profile.digest,
        "html": report.html,
        "markdown": report.markdown,
    }
    model.record(EventType.VERSION_DRIFT_MEASURED, body, version=version.version_id, actor=actor)
    return drift_id


def mark_alerted(transaction: Transaction, drift_id: int, actor: Actor) -> bool:
    """Log the event of an alarm; return False if that was done before, or there is no alarm.

    Raises:
        NotFoundError: There is no such result, or its model was deleted.
    """
    result = result_of(transaction, drift_id)
    name, _, version = result.reference.rpartition("/")
    model = lock_model(transaction, name)
    marked = transaction.execute(
        _SQL["mark_alerted"], {"drift_id": drift_id, "at": model.at}
    ).fetchone()
    if marked is None:
        return False
    body = _drift_event(result, drift_id)
    model.record(EventType.VERSION_DRIFT_DETECTED, body, version=int(version), actor=actor)
    return True


def result_of(transaction: Transaction, drift_id: int) -> RecordedDrift:
    """Return one result.

    Raises:
        NotFoundError: There is no such result, or its version was garbage-collected.
    """
    row = transaction.execute(_SQL["result"], {"drift_id": drift_id}).fetchone()
    if row is None:
        raise NotFoundError(
            "there is no such result",
            field="drift_id",
            value=drift_id,
            remedy="List the results of a version with `pedigree drift list`",
        )
    return _result(row)


def newest_results(
    transaction: Transaction,
    version: ModelVersion,
    asset: str | None,
    *,
    limit: int,
    before: int | None,
) -> RecordPage[RecordedDrift]:
    """Return the newest results of the last partitions compared with a version, in order."""
    found = fetch_page(
        transaction,
        _SQL["newest_results"],
        {**_key(version), "asset": asset, "limit": at_least_one(limit), "before": before},
    )
    return RecordPage(map(_result, reversed(found.rows)), is_cut=found.is_cut)


def last_result(transaction: Transaction, version: ModelVersion) -> RecordedDrift | None:
    """Return the newest result of all that were compared with a version; None without one."""
    row = transaction.execute(_SQL["last_result"], _key(version)).fetchone()
    return _result(row) if row else None


def _key(version: ModelVersion) -> dict[str, object]:
    return {"name_key": name_key(version.model_name), "version": version.version_id}


def _result(row: Row) -> RecordedDrift:
    return RecordedDrift(
        **row["result"],
        drift_id=row["drift_id"],
        at=row["recorded_at"],
        recorded_by=row["recorded_by"],
        profile=DataProfile.model_validate(row["profile"]),
        html=row["html"],
        markdown=row["markdown"],
        alerted_at=row["alerted_at"],
    )


def _drift_event(result: DriftResult, drift_id: int) -> dict[str, JsonValue]:
    """Return what the events of a drift result have in common."""
    drifted = [column.column for column in result.comparison.columns if column.drifted]
    return {
        "drift_id": drift_id,
        "asset": result.asset,
        "partition": result.partition,
        "baseline": result.baseline,
        "drifted": result.drifted,
        "columns": list(drifted),
        "problems": list(result.comparison.problems),
        "run_id": result.run_id,
    }
