"""What the gates know of a model and its versions at a point in time."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from types import MappingProxyType
from typing import Any, NamedTuple, Self

from pedigree._names import person_key
from pedigree.access.principal import Principal
from pedigree.access.reserved import AUTOMATIC_APPROVER
from pedigree.audit.records import Actor
from pedigree.catalog.records import ModelVersion
from pedigree.lifecycle.decision_records import Decision, GivenUp
from pedigree.lifecycle.pointer_names import HeldNames
from pedigree.lifecycle.records import Policy, RecordedVerdict, StageRule


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
