"""How versions stand before a stage: its gates, what people decided, and what is still missing."""

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
    """One requirement of a policy, as it stands for one version."""

    name: str
    passed: bool
    reason: str = Field(description="Why it passes, or what it waits for")
    changes_at: datetime | None = Field(
        default=None, description="When time alone will change it, if nothing else does before"
    )


class StageRequest(Record):
    """Somebody's wish that a version enter a stage, which is done when every gate is passed.

    It is bound to the stage that the version is in, and ends when that is left.
    """

    request_id: int
    model_name: str
    version_id: int
    digest: Digest
    from_stage: str
    stage: str
    reason: str | None
    only_asks: bool = Field(
        description="Who asks may not move versions, so somebody else who may must approve"
    )
    requested_by: str
    at: datetime
    outcome: RequestOutcome | None = Field(description="None while it is open")
    closed_at: datetime | None
    closed_by: str | None
    waits_for: tuple[str, ...] = Field(description="When it was last looked at")
    next_evaluation_at: datetime | None


class GivenUp(Record):
    """A promotion that the sensor gave up, because every run that should have made it failed.

    It tries again when the version stands otherwise: by another verdict or decision, move or
    policy; or when somebody asks it to.
    """

    stage: str
    attempts: int = Field(description="How many runs failed by what they did themselves")
    run_id: str = Field(description="The last of them")
    problem: str = Field(description="Why it failed")
    at: datetime
    retried_at: datetime | None = Field(
        default=None, description="When somebody asked the sensor to try again"
    )
    retried_by: str | None = None


class Explanation(Record):
    """Whether a version may enter a stage, and what it waits for."""

    reference: str
    stage: str
    gates: tuple[Gate, ...]
    generation: int
    run_id: str = Field(description="The run that made the version")
    requests: tuple[StageRequest, ...] = Field(
        default=(), description="The open requests for it, done with the last gate"
    )
    given_up: GivenUp | None = Field(
        default=None, description="What the promotion sensor tried in vain, and tries no more"
    )

    @property
    def passed(self) -> bool:
        """Every gate is passed."""
        return all(gate.passed for gate in self.gates)

    @property
    def waits_for(self) -> tuple[str, ...]:
        """The reasons of the gates that are not passed."""
        return tuple(gate.reason for gate in self.gates if not gate.passed)

    def lacks_only(self, name: str) -> bool:
        """Say whether the one gate that is not passed has a name."""
        return [gate.name for gate in self.gates if not gate.passed] == [name]

    @property
    def next_evaluation_at(self) -> datetime | None:
        """When time alone will change the answer, if nothing else does before."""
        return min((gate.changes_at for gate in self.gates if gate.changes_at), default=None)


class Decision(Record):
    """A person's yes or no to one version's way from one stage into another.

    It holds for these bytes and as long as the model's generation is what the person saw.
    """

    decision_id: int
    version_id: int
    digest: Digest
    from_stage: str
    to_stage: str
    generation: int
    approved: bool
    comment: str
    decided_by: str
    at: datetime


class Candidacy(Record):
    """What a version waited for before an automatic stage, when it was last looked at."""

    version_id: int
    stage: str
    waits_for: tuple[str, ...] = Field(description="Nothing: its promotion is due")
    evaluated_at: datetime
    next_evaluation_at: datetime | None


class DuePromotion(Record):
    """A promotion that the policy allows and the sensor should request."""

    model_name: str
    version_id: int
    stage: str
    digest: Digest
    generation: int
    policy_revision: int
    evidence_at: datetime | None = Field(
        description="When the newest verdict or decision on the version was given"
    )
    retries: int = Field(
        default=0, description="How often somebody asked to try again what the sensor gave up"
    )


class CandidateEvaluation(Record):
    """How the versions stand that wait for an automatic stage of a model, the newest first."""

    due: DuePromotion | None = Field(description="The one that should be promoted next")
    waiting: tuple[Explanation, ...]
    ended: tuple[str, ...] = Field(
        description="The runs that made the versions which have ceased to wait"
    )


class PolicyRevision(Record):
    """One of the policies that a model was given: 1, 2, 3 …."""

    revision: int
    policy: Policy
    at: datetime
    set_by: str
    reason: str | None
