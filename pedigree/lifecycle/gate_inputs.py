"""Read the inputs of the gates: a model and some of its versions together."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from psycopg.types.json import Jsonb

from pedigree.catalog.names import name_key
from pedigree.catalog.records import ModelVersion
from pedigree.catalog.rows import version_from_row
from pedigree.catalog.store import LockedModel, model_not_found, version_not_found
from pedigree.lifecycle.decision_records import GivenUp
from pedigree.lifecycle.gate_facts import (
    AbandonedPromotion,
    ModelFacts,
    StandingDecision,
    UnattributedRun,
    VersionFacts,
)
from pedigree.lifecycle.pointer_names import held_names, held_names_question
from pedigree.lifecycle.policy import read_policy
from pedigree.lifecycle.records import CHAMPION_STAGE, Policy, RecordedVerdict
from pedigree.lifecycle.standing import people_now
from pedigree.lifecycle.store import SQL, STAGE
from pedigree.postgres.together import Question
from pedigree.postgres.transaction import Row, Rows, Transaction


def model_state(transaction: Transaction, name: str) -> Row:
    """Read the columns of a model that the gates need, without a lock.

    Raises:
        ModelNotFoundError: No living model has the name.
    """
    asked = model_state_question(name)
    row = transaction.execute(asked.query, asked.params).fetchone()
    if row is None or row["name"] != name:
        raise model_not_found(name)
    return row


def model_state_question(name: str) -> Question:
    """Return what :func:`model_state` asks."""
    return Question(SQL["model_state"], {"name_key": name_key(name)})


def look_at_model(transaction: Transaction, name: str) -> ModelFacts:
    """Read a model without a lock.

    Raises:
        ModelNotFoundError: No living model has the name.
    """
    return _model_facts(transaction, **model_state(transaction, name))


def facts_of_locked(transaction: Transaction, model: LockedModel) -> ModelFacts:
    """Read the gate inputs of a model that this transaction has locked."""
    return _model_facts(
        transaction,
        model_id=model.model_id,
        name=model.name,
        generation=model.generation,
        policy=model.policy,
        policy_revision=model.policy_revision,
        at=model.at,
    )


def _model_facts(
    transaction: Transaction, *, model_id: int, policy: dict[str, Any] | None, **known: Any
) -> ModelFacts:
    return facts_of_state(
        transaction,
        {"model_id": model_id, "policy": policy, **known},
        champion=holder_in_full(transaction, model_id, CHAMPION_STAGE),
    )


def facts_of_state(
    transaction: Transaction, state: Row, *, champion: ModelVersion | None
) -> ModelFacts:
    """Read what else the gates need of a model.

    Args:
        transaction: Where to read.
        state: Its columns, as :func:`model_state` returns them.
        champion: The version in production; None if there is none.
    """
    model_id, policy = state["model_id"], read_policy(state["policy"])
    unknown = transaction.execute(*_unattributed_question(model_id)[:2])
    return ModelFacts(
        **{**state, "policy": policy},
        champion=champion,
        held=held_names(transaction, model_id),
        unattributed={row.pop("check_name"): UnattributedRun(**row) for row in unknown.fetchall()},
    )


def facts_questions(state: Row, version: int) -> tuple[Question, ...]:
    """Return what :func:`facts_of_state` and :func:`facts_of_known` ask."""
    key = _key_of_versions(state["model_id"], read_policy(state["policy"]), [version])
    return (
        _unattributed_question(state["model_id"]),
        held_names_question(state["model_id"]),
        *(Question(SQL[name], key) for name in _OF_VERSIONS),
    )


def _unattributed_question(model_id: int) -> Question:
    return Question(SQL["unattributed_check_runs"], {"model_id": model_id})


def holder_in_full(transaction: Transaction, model_id: int, stage: str) -> ModelVersion | None:
    """Return the version that entered a stage last and still holds it, as a full record."""
    row = transaction.execute(
        SQL["holder_in_full"], {"model_id": model_id, "pointer": STAGE, "name": stage}
    ).fetchone()
    return version_from_row(row) if row else None


def facts_of_version(transaction: Transaction, model: ModelFacts, version: int) -> VersionFacts:
    """Read a version.

    Raises:
        VersionNotFoundError: The number does not exist, or its version was deleted.
    """
    for facts in facts_of_versions(transaction, model, [version]):
        return facts
    raise version_not_found(model.name, version)


def facts_of_versions(
    transaction: Transaction, model: ModelFacts, versions: Iterable[int]
) -> Iterator[VersionFacts]:
    """Read versions, newest first; deleted ones are omitted."""
    key = _key_of_versions(model.model_id, model.policy, list(versions))
    # All queries are sent before the first result is read: in a pipeline, one round trip.
    records = transaction.execute(SQL["versions_in_full"], key)
    return _facts(transaction, key, lambda: _by_number(records))


def facts_of_known(
    transaction: Transaction, model: ModelFacts, version: ModelVersion
) -> VersionFacts:
    """Read what else the gates need of a version whose record is there."""
    number = version.version_id
    key = _key_of_versions(model.model_id, model.policy, [number])
    return next(_facts(transaction, key, lambda: {number: version}))


_OF_VERSIONS = (
    *("verdicts_of_versions", "decisions_of_versions"),
    *("stages_left", "given_up_of_versions"),
)


def _key_of_versions(model_id: int, policy: Policy, versions: list[int]) -> dict[str, Any]:
    rules = [{"name": check.name, "settings": check.settings} for check in policy.checks]
    return {"model_id": model_id, "versions": versions, "rules": Jsonb(rules)}


def _facts(
    transaction: Transaction,
    key: dict[str, Any],
    records: Callable[[], Mapping[int, ModelVersion]],
) -> Iterator[VersionFacts]:
    judged, decided, leavings, tried = (
        transaction.execute(SQL[query], key) for query in _OF_VERSIONS
    )
    found = records()
    verdicts: dict[int, list[RecordedVerdict]] = defaultdict(list)
    for row in judged.fetchall():
        number = row.pop("version")
        verdicts[number].append(RecordedVerdict(**row))
    decisions: dict[int, list[StandingDecision]] = defaultdict(list)
    for row in decided.fetchall():
        decisions[row.pop("version")].append(StandingDecision(**row))
    left: dict[int, set[str]] = defaultdict(set)
    for row in leavings.fetchall():
        left[row["version"]].add(row["name"])
    attempts: dict[int, list[AbandonedPromotion]] = defaultdict(list)
    for row in tried.fetchall():
        attempts[row["version"]].append(_attempts_of(row))
    approvers = (each.actor for many in decisions.values() for each in many if each.approved)
    people = people_now(transaction, approvers)
    for number, version in found.items():
        yield VersionFacts(
            version,
            verdicts[number],
            decisions[number],
            frozenset(left[number]),
            attempts[number],
            people,
        )


def verdicts_on_bytes(
    transaction: Transaction, model: ModelFacts, digest: str
) -> tuple[RecordedVerdict, ...]:
    """Return the newest verdicts on some bytes, whichever versions of a model have them."""
    rows = transaction.execute(
        SQL["versions_of_bytes"], {"model_id": model.model_id, "digest": digest}
    ).fetchall()
    key = _key_of_versions(model.model_id, model.policy, [row["version"] for row in rows])
    judged = transaction.execute(SQL["verdicts_of_versions"], key).fetchall()
    for row in judged:
        del row["version"]
    return tuple(RecordedVerdict(**row) for row in judged)


def _attempts_of(row: Row) -> AbandonedPromotion:
    given_up = GivenUp(**{key: row[key] for key in GivenUp.model_fields})
    return AbandonedPromotion(
        given_up, (row["generation"], row["policy_revision"], row["evidence_at"])
    )


def _by_number(records: Rows) -> dict[int, ModelVersion]:
    return {row["version_id"]: version_from_row(row) for row in records.fetchall()}
