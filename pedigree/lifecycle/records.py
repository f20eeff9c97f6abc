"""Policies, verdicts, moves and tenures."""

from datetime import datetime
from enum import StrEnum
from typing import Annotated

from pydantic import Field, FiniteFloat, JsonValue, StrictBool, ValidationInfo, model_validator

from pedigree._record import NUMBER, Integer, Record
from pedigree.access.records import Permission
from pedigree.artifacts.records import Digest
from pedigree.catalog.metadata_fields import RiskClass
from pedigree.catalog.names import found_in
from pedigree.catalog.records import ModelMetadata
from pedigree.lifecycle.stage_names import ARCHIVED as ARCHIVED  # noqa: PLC0414
from pedigree.lifecycle.stage_names import CANDIDATE as CANDIDATE  # noqa: PLC0414
from pedigree.lifecycle.stage_names import CHAMPION_STAGE as CHAMPION_STAGE  # noqa: PLC0414
from pedigree.lifecycle.stage_names import NO_STAGE as NO_STAGE  # noqa: PLC0414
from pedigree.lifecycle.stage_names import StageName, require_stage_names
from pedigree.monitoring.records import DriftRule
from pedigree.settings import Duration

# Metadata of which a policy can ask for one key.
_MAPPINGS = frozenset({"tags", "metrics", "params"})


class Severity(StrEnum):
    """Whether a failed check stops a version."""

    ERROR = "error"
    WARN = "warn"


class Verdict(Record):
    """What a check found about one version, on exactly one digest."""

    check: str
    passed: StrictBool
    severity: Severity = Severity.ERROR
    digest: Digest = Field(description="The artifact that was looked at")
    baseline_digest: Digest | None = Field(
        default=None, description="What a relative check compared with; void when that changes"
    )
    relative: bool = Field(default=False, description="The verdict depends on its baseline")
    settings: dict[str, JsonValue] | None = Field(
        default=None, description="Of the rule by which it judged; None where it knows none"
    )
    summary: str = Field(description="One sentence that says what was found")
    details: dict[str, JsonValue] = Field(default_factory=dict)
    run_id: str | None = None


class RecordedVerdict(Verdict):
    """A verdict as the registry keeps it."""

    at: datetime
    recorded_by: str

    @property
    def looked_at(self) -> datetime:
        """When the check looked: the verdict of a run elsewhere may be recorded much later."""
        said = self.details.get("looked_at")
        try:
            return min(self.at, datetime.fromisoformat(said)) if isinstance(said, str) else self.at
        except (TypeError, ValueError):
            return self.at  # another check's detail of that name


class CheckRun(Record):
    """What one run of an asset check of one's own found, and on which bytes, if that is known."""

    instance_id: str = Field(description="The Dagster instance")
    event_id: int = Field(description="The evaluation's storage id there")
    check: str = Field(min_length=1)
    passed: StrictBool
    severity: Severity = Severity.ERROR
    digest: Digest | None = Field(description="The artifact that it looked at; None: unknown")
    problem: str | None = Field(default=None, description="Why that is unknown")
    summary: str
    details: dict[str, JsonValue] = Field(default_factory=dict)
    run_id: str | None = None
    looked_at: datetime


class CheckRule(Record):
    """A check that a stage asks for. Where nothing else is to be said, its name alone will do."""

    name: str = Field(min_length=1)
    severity: Severity = Field(
        default=Severity.ERROR, description="warn: its failure is shown, and stops no version"
    )
    max_age: Duration | None = Field(
        default=None, description="How old its verdict may be; None: of any age"
    )
    settings: dict[str, JsonValue] = Field(
        default_factory=dict, description="What the check itself goes by"
    )

    @model_validator(mode="before")
    @classmethod
    def _named(cls, given: object) -> object:
        return {"name": given} if isinstance(given, str) else given


class MetricRule(Record):
    """When a metric has become worse than the champion's."""

    metric: str = Field(min_length=1)
    higher_is_better: StrictBool = True
    tolerance: Annotated[float, Field(ge=0), NUMBER] = Field(
        default=0.0, description="How much worse is still no regression"
    )


class MetricGate(Record):
    """What a stage asks of a metric: a bound, or to keep up with the champion's, or both."""

    metric: str = Field(min_length=1)
    at_least: Annotated[FiniteFloat, NUMBER] | None = None
    at_most: Annotated[FiniteFloat, NUMBER] | None = None
    against_champion: StrictBool = Field(
        default=False, description="Compare with production's holder"
    )
    higher_is_better: StrictBool = True
    tolerance: Annotated[FiniteFloat, NUMBER] = Field(
        default=0.0,
        description="How much worse than the champion's it may be; below 0, how much better",
    )

    @model_validator(mode="after")
    def _asks_something(self) -> "MetricGate":
        if self.at_least is None and self.at_most is None and not self.against_champion:
            raise ValueError(f"nothing is asked of {self.metric!r}: give a bound, or the champion")
        return self


class ApprovalRule(Record):
    """How many people must say yes, none of them the version's author."""

    needed: Annotated[int, Field(ge=0), NUMBER] = 1
    by_risk_class: dict[RiskClass, Integer] = Field(
        default_factory=dict, description="How many where the version has one of these classes"
    )
    by: tuple[str, ...] = Field(
        default=(), description="Who may: names and patterns such as *@risk.example; none: anybody"
    )
    expire_after: Duration | None = Field(default=None, description="How long a yes is good for")

    def count(self, risk_class: RiskClass | None) -> int:
        """Return how many people must approve a version of some class."""
        return self.by_risk_class.get(risk_class, self.needed) if risk_class else self.needed


class StageRule(Record):
    """What a policy asks of a version that enters a stage."""

    name: StageName
    after: tuple[str, ...] = Field(description="The stages from which it may be entered")
    exclusive: StrictBool = Field(default=False, description="Held by at most one version")
    metadata: tuple[str, ...] = Field(
        default=(), description="Fields that must have a value, such as owners or tags.team"
    )
    checks: tuple[CheckRule, ...] = Field(
        default=(), description="Checks whose verdict must be a pass"
    )
    metrics: tuple[MetricGate, ...] = ()
    verified: StrictBool = Field(
        default=False,
        description="Its bytes, loaded in a new process, must have predicted what the model did",
    )
    approvals: ApprovalRule | None = None
    soak: Duration | None = Field(
        default=None, description="How long a version stays in the stage before"
    )
    promoters: tuple[str, ...] = Field(
        default=(),
        description="Who may promote into it and roll it back: names and patterns; none: anybody",
    )
    automatic: StrictBool = Field(
        default=False, description="The promotion sensor enters it by itself"
    )

    @model_validator(mode="after")
    def _known_metadata(self) -> "StageRule":
        for name in self.metadata:
            field, dot, key = name.partition(".")
            if field not in ModelMetadata.model_fields or (dot and field not in _MAPPINGS):
                raise ValueError(f"stage {self.name!r} asks for {name!r}, which no version has")
            if dot and not key:
                raise ValueError(f"stage {self.name!r} asks for {name!r}, which names no key")
        return self

    @property
    def check_names(self) -> tuple[str, ...]:
        """The names of its checks."""
        return tuple(check.name for check in self.checks)

    def people(self, permission: Permission) -> tuple[str, ...]:
        """Return the names and patterns of those whom the rule permits something; none: all."""
        if permission is Permission.MOVE:
            return self.promoters
        if permission is Permission.DECIDE and self.approvals is not None:
            return self.approvals.by
        return ()


class RetentionRule(Record):
    """How long the bytes of a model's versions stay, and where."""

    keep_production: Annotated[int, Field(ge=1), NUMBER] | None = Field(
        default=None,
        description="So many of the latest production versions stay out of the archive; None: all",
    )
    window: Duration | None = Field(
        default=None,
        description="How long a deleted version can be restored; None: as the setting says",
    )


class Policy(Record):
    """The graph of a model's stages and what each asks for."""

    stages: tuple[StageRule, ...]
    champion_metric: MetricRule | None = Field(
        default=None, description="What the check no_regression compares"
    )
    retention: RetentionRule | None = Field(
        default=None, description="None leaves the rule that the model has"
    )
    drift: DriftRule | None = Field(
        default=None, description="When served data has moved away; None: by the defaults"
    )
    editors: tuple[str, ...] = Field(
        default=(), description="Who may change the policy: names and patterns; none: anybody"
    )

    @model_validator(mode="after")
    def _closed(self, info: ValidationInfo) -> "Policy":
        names = [stage.name for stage in self.stages]
        if len(set(names)) != len(names):
            raise ValueError("a stage is declared twice")
        require_stage_names(names, info)
        for stage in self.stages:
            for before in stage.after:
                if before != NO_STAGE and before not in names:
                    raise ValueError(f"stage {stage.name!r} follows {before!r}, not declared")
        if self.drift is not None and self.drift.stage not in names:
            raise ValueError(f"drift is watched in {self.drift.stage!r}, not declared")
        return self

    def check_rules(self, name: str) -> tuple[CheckRule, ...]:
        """Return the rules by which stages ask for a check: of each settings the first."""
        found: list[CheckRule] = []
        for rule in (check for stage in self.stages for check in stage.checks):
            if rule.name == name and all(rule.settings != known.settings for known in found):
                found.append(rule)
        return tuple(found)

    def from_on(self, stage: str) -> tuple[str, ...]:
        """Return a stage and those behind it, but the archive; none where it is not declared."""
        names = [rule.name for rule in self.stages if rule.name != ARCHIVED]
        return tuple(names[names.index(stage) :]) if stage in names else ()

    def rule(self, stage: str) -> StageRule | None:
        """Return the rule of a stage, named in any case; None where the policy has no such one."""
        name = found_in(stage, [rule.name for rule in self.stages])
        return next((rule for rule in self.stages if rule.name == name), None)

    def people(self, permission: Permission) -> tuple[str, ...]:
        """Return the names and patterns of those whom the policy permits something; none: all."""
        return self.editors if permission is Permission.GOVERN else ()


class Move(Record):
    """What ``promote`` and ``rollback`` answer."""

    model_name: str
    stage: str
    version_id: int
    digest: Digest
    previous_version_id: int | None = Field(
        default=None, description="The version that held the stage before"
    )
    moved: bool = Field(description="False when the version held the stage already")
    generation: int


class Tenure(Record):
    """The time during which a version held a stage or an alias: from ``since``, until ``until``.

    At ``until`` it held no more, so at any moment an exclusive stage has one holder.
    """

    tenure_id: int = Field(description="Grows with time within a model; a page goes on before it")
    pointer: str = Field(description="stage:production or alias:champion")
    version_id: int
    since: datetime
    until: datetime | None
    moved_by: str
    reason: str | None
