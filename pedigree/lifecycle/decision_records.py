"""Records about the way into a stage: gates, decisions, requests and pending promotions."""

from datetime import datetime
from enum import StrEnum

from pydantic import Field

from pedigree._record import Record
from pedigree.artifacts.records import Digest
from pedigree.lifecycle.records import Policy


class RequestOutcome(StrEnum):
    """How a request for a stage ended."""

    PERFORMED = "performed"
    WITHDRAWN = "withdrawn"
    REJECTED = "rejected"
    SUPERSEDED = "superseded"
    DELETED = "deleted"


class Gate(Record):
    """One requirement of a policy, evaluated for one version."""

    name: str
    passed: bool
    reason: str = Field(description="Why it passes, or what it waits for")
    changes_at: datetime | None = Field(
        default=None, description="When time alone changes it, if nothing else does first"
    )


class StageRequest(Record):
    """A request that a version enter a stage, fulfilled when every gate is passed.

    It is bound to the version's present stage, and ends when the version leaves that stage.
    """

    request_id: int
    model_name: str
    version_id: int
    digest: Digest | None = Field(description="Null if the version is not sealed")
    from_stage: str
    stage: str
    reason: str | None
    only_asks: bool = Field(
        description="The requester may not move versions, so somebody who may must approve"
    )
    requested_by: str
    at: datetime
    outcome: RequestOutcome | None = Field(description="None while it is open")
    closed_at: datetime | None
    closed_by: str | None
    waits_for: tuple[str, ...] = Field(description="As of the last evaluation")
    next_evaluation_at: datetime | None


class GivenUp(Record):
    """A promotion that the sensor gave up because every run for it failed.

    The sensor tries again after a new verdict, decision, move or policy, or on request.
    """

    stage: str
    attempts: int = Field(description="How many runs failed by their own fault")
    run_id: str = Field(description="The last of them")
    problem: str = Field(description="Why it failed")
    at: datetime
    retried_at: datetime | None = Field(
        default=None, description="When somebody requested another attempt"
    )
    retried_by: str | None = None


class Explanation(Record):
    """Whether a version may enter a stage, and what it waits for."""

    reference: str
    stage: str
    gates: tuple[Gate, ...]
    generation: int
    run_id: str | None = Field(description="The run that made the version; null if not known")
    requests: tuple[StageRequest, ...] = Field(
        default=(), description="The open requests for it, fulfilled when the last gate passes"
    )
    given_up: GivenUp | None = Field(
        default=None, description="The promotion that the sensor gave up after failed runs"
    )

    @property
    def passed(self) -> bool:
        """Whether every gate is passed."""
        return all(gate.passed for gate in self.gates)

    @property
    def waits_for(self) -> tuple[str, ...]:
        """The reasons of the failed gates."""
        return tuple(gate.reason for gate in self.gates if not gate.passed)

    def lacks_only(self, name: str) -> bool:
        """Return whether the gate of this name is the only failed one."""
        return [gate.name for gate in self.gates if not gate.passed] == [name]

    @property
    def next_evaluation_at(self) -> datetime | None:
        """When time alone changes the result, if nothing else does first."""
        return min((gate.changes_at for gate in self.gates if gate.changes_at), default=None)


class Decision(Record):
    """A person's approval or rejection of one version's transition between two stages.

    It is valid for these bytes while the model's generation is the one that the person saw.
    """

    decision_id: int
    version_id: int
    digest: Digest | None = Field(description="Null if the version is not sealed")
    from_stage: str
    to_stage: str
    generation: int
    approved: bool
    comment: str
    decided_by: str
    at: datetime


class OverriddenGate(Record):
    """A gate that an override did not wait for."""

    name: str
    reason: str = Field(description="What it waited for")


class StageOverride(Record):
    """A person's override: the version entered a stage although it had not passed these gates."""

    override_id: int
    version_id: int
    digest: Digest | None = Field(description="Null if the version is not sealed")
    from_stage: str
    to_stage: str
    generation: int = Field(description="The model's generation after it")
    gates: tuple[OverriddenGate, ...]
    reason: str
    overridden_by: str
    at: datetime


class Candidacy(Record):
    """What a version waits for before an automatic stage, as of the last evaluation."""

    version_id: int
    stage: str
    waits_for: tuple[str, ...] = Field(description="Empty: its promotion is due")
    evaluated_at: datetime
    next_evaluation_at: datetime | None


class DuePromotion(Record):
    """A promotion that the policy allows and the sensor should request."""

    model_name: str
    version_id: int
    stage: str
    digest: Digest | None = Field(description="Null if the version is not sealed")
    generation: int
    policy_revision: int
    evidence_at: datetime | None = Field(
        description="The time of the newest decision on the version, or verdict of a required check"
    )
    retries: int = Field(default=0, description="How often somebody requested another attempt")


class CandidateEvaluation(Record):
    """The versions that wait for an automatic stage of a model, newest first."""

    due: DuePromotion | None = Field(description="The next promotion")
    waiting: tuple[Explanation, ...]
    ended: tuple[str, ...] = Field(description="The runs of the versions that no longer wait")


class PolicyRevision(Record):
    """A revision of a model's policy: 1, 2, 3 …."""

    revision: int
    policy: Policy
    at: datetime
    set_by: str
    reason: str | None


class PolicyDefault(Record):
    """The policy of new models whose names fit a pattern."""

    pattern: str = Field(description="A name, or a pattern such as risk-*, in lower case")
    policy: Policy
    set_at: datetime
    set_by: str
    reason: str | None
