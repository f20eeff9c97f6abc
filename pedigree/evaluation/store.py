"""Storage of evaluations."""

from psycopg.types.json import Jsonb

from pedigree._canonical_json import canonical_json
from pedigree.artifacts.records import digest_of
from pedigree.audit.event_types import EventType
from pedigree.audit.records import Actor
from pedigree.catalog.names import name_key
from pedigree.catalog.records import ModelVersion
from pedigree.catalog.store import lock_model, version_not_found
from pedigree.evaluation.records import Evaluation, KeptEvaluation
from pedigree.postgres.queries import load_queries
from pedigree.postgres.together import Question
from pedigree.postgres.transaction import Transaction

_SQL = load_queries(__package__)


def set_evaluation(
    transaction: Transaction, version: ModelVersion, evaluation: Evaluation, actor: Actor
) -> None:
    """Store an evaluation of a version; write nothing if the latest one has the same content.

    Raises:
        NotFoundError: The model or the version was deleted concurrently.
    """
    model = lock_model(transaction, version.model_name)
    content = evaluation.model_dump(mode="json", include=set(Evaluation.model_fields))
    digest = digest_of(canonical_json(content))
    latest = latest_evaluation(transaction, version)
    if latest is not None and latest.digest == digest:
        return
    inserted = transaction.execute(
        _SQL["insert_evaluation"],
        {
            "model_id": model.model_id,
            "version": version.version_id,
            "digest": digest,
            "evaluation": Jsonb(content),
            "at": model.at,
            "actor": actor.name,
        },
    )
    if inserted.rowcount == 0:
        raise version_not_found(model.name, version.version_id)
    model.record(
        EventType.VERSION_UPDATED, {"evaluation": digest}, version=version.version_id, actor=actor
    )


def latest_evaluation_question(name: str, version: int) -> Question:
    """Return what :func:`latest_evaluation` asks."""
    values = {"name_key": name_key(name), "version": version}
    return Question(_SQL["latest_evaluation"], values)


def latest_evaluation(transaction: Transaction, version: ModelVersion) -> KeptEvaluation | None:
    """Return a version's newest evaluation, if it has one."""
    asked = latest_evaluation_question(version.model_name, version.version_id)
    row = transaction.execute(asked.query, asked.params).fetchone()
    if row is None:
        return None
    return KeptEvaluation(**row.pop("evaluation"), **row, reference=version.reference)
