"""The inputs of the gates: a model and some of its versions, read together."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from types import MappingProxyType
from typing import Any, NamedTuple, Self

from psycopg.types.json import Jsonb

from pedigree._names import person_key
from pedigree.access.principal import Principal
from pedigree.access.reserved import AUTOMATIC_APPROVER
from pedigree.audit.records import Actor
from pedigree.catalog.names import name_key
from pedigree.catalog.records import ModelVersion
from pedigree.catalog.rows import version_from_row
from pedigree.catalog.store import LockedModel, model_not_found, version_not_found
from pedigree.lifecycle.decision_records import Decision, GivenUp
from pedigree.lifecycle.pointer_names import HeldNames, held_names
from pedigree.lifecycle.policy import read_policy
from pedigree.lifecycle.records import CHAMPION_STAGE, Policy, RecordedVerdict, StageRule
from pedigree.lifecycle.standing import people_now
from pedigree.lifecycle.store import SQL, STAGE
from pedigree.postgres.transaction import Row, Rows, Transaction


class UnattributedRun(NamedTuple):
    """The newest run of a check for which it is not known which version it checked."""

    run_id: str | None
    problem: str
    looked_at: datetime


class AbandonedPromotion(NamedTuple):
    """A promotion that the sensor gave up, and the state of the version at that time."""

    given_up: GivenUp
    state: tuple[int, int, datetime | None]


@dataclass(frozen=True, kw_only=True)
class ModelFacts:
    """A model at a point in time, by the database's clock."""

    model_id: int
    name: str
    generation: int
    policy: Policy
    policy_revision: int
    at: datetime
    champion: ModelVersion | None
    held: HeldNames
    unattributed: Mapping[str, UnattributedRun]

    def ahead(self, rule: StageRule) -> tuple[int, str] | None:
        """Return the highest version in a stage or in a later one, and its stage."""
        held = self.held.stages
        names = held.keys() & set(self.policy.from_on(rule.name))
        return max(((held[name], name) for name in names), default=None)


class StandingDecision(NamedTuple):
    """What the gates need of a decision that may still count."""

    digest: str
    from_stage: str
    to_stage: str
    generation: int
    approved: bool
    decided_by: str
    decided_by_source: str
    at: datetime
    person: str
    """Who decided, by whatever identity: equal texts are one person."""
    keys_of_person: Sequence[str]
    """The keys of all names and verified e-mails by which that person is known."""

    @property
    def is_automatic(self) -> bool:
        """Whether an automatic approver decided; nobody else can have such a name."""
        return self.decided_by.startswith(AUTOMATIC_APPROVER)

    @property
    def actor(self) -> Actor:
        """Who decided."""
        return Actor(name=self.decided_by, source=self.decided_by_source)

    def is_by(self, name: str) -> bool:
        """Return whether the person of a name decided, by whatever identity."""
        return person_key(name) in self.keys_of_person

    @classmethod
    def of(cls, decision: Decision, person: Mapping[str, Any], source: str) -> Self:
        """Return what the gates need of a new decision, which is by no author.

        Args:
            decision: The decision.
            person: Who decided: the fields ``person`` and ``keys_of_person``.
            source: Where their name comes from.
        """
        known = decision.model_dump(include=set(cls._fields))
        return cls(**known, **person, decided_by_source=source)


class VersionFacts(NamedTuple):
    """A version with its verdicts, its decisions, and the stages that it left.

    The verdicts are those of the checks and settings that the policy requires. The decisions are
    the last rejection and the newest approvals after it, and the people are those who approved,
    by the actors that they were, with what they hold now.
    """

    version: ModelVersion
    verdicts: Sequence[RecordedVerdict]
    decisions: Sequence[StandingDecision]
    left: frozenset[str]
    attempts: Sequence[AbandonedPromotion] = ()
    people: Mapping[Actor, Principal] = MappingProxyType({})

    def given_up(self, model: ModelFacts, stage: str) -> GivenUp | None:
        """Return the given-up promotion of the version into a stage, if its state is unchanged."""
        now = (model.generation, model.policy_revision, self.evidence_at)
        return next(
            (
                each.given_up
                for each in self.attempts
                if each.given_up.stage == stage
                and each.given_up.retried_at is None
                and each.state == now
            ),
            None,
        )

    def retries(self, stage: str) -> int:
        """Return how often somebody requested another attempt for a stage."""
        tried = (each.given_up for each in self.attempts if each.given_up.stage == stage)
        return sum(each.retried_at is not None for each in tried)

    @property
    def evidence_at(self) -> datetime | None:
        """The time of its newest decision, or verdict of a check that the policy requires."""
        given = [verdict.at for verdict in self.verdicts]
        return max(given + [decision.at for decision in self.decisions], default=None)


def model_state(transaction: Transaction, name: str) -> Row:
    """Read the columns of a model that the gates need, without a lock.

    Raises:
        ModelNotFoundError: No living model has the name.
    """
    row = transaction.execute(SQL["model_state"], {"name_key": name_key(name)}).fetchone()
    if row is None or row["name"] != name:
        raise model_not_found(name)
    return row


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
    unknown = transaction.execute(SQL["unattributed_check_runs"], {"model_id": model_id})
    return ModelFacts(
        model_id=model_id,
        policy=read_policy(policy),
        champion=holder_in_full(transaction, model_id, CHAMPION_STAGE),
        held=held_names(transaction, model_id),
        unattributed={row.pop("check_name"): UnattributedRun(**row) for row in unknown.fetchall()},
        **known,
    )


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
    rules = [
        {"name": check.name, "settings": check.settings}
        for stage in model.policy.stages
        for check in stage.checks
    ]
    key = {"model_id": model.model_id, "versions": list(versions), "rules": Jsonb(rules)}
    # All queries are sent before the first result is read: in a pipeline, one round trip.
    records, judged, decided, leavings, tried = (
        transaction.execute(SQL[query], key)
        for query in (
            *("versions_in_full", "verdicts_of_versions"),
            *("decisions_of_versions", "stages_left", "given_up_of_versions"),
        )
    )
    found = _by_number(records)
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


def _attempts_of(row: Row) -> AbandonedPromotion:
    given_up = GivenUp(**{key: row[key] for key in GivenUp.model_fields})
    return AbandonedPromotion(
        given_up, (row["generation"], row["policy_revision"], row["evidence_at"])
    )


def _by_number(records: Rows) -> dict[int, ModelVersion]:
    return {row["version_id"]: version_from_row(row) for row in records.fetchall()}
