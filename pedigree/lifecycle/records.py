"""Policies, verdicts, moves and tenures."""

from datetime import datetime
from enum import StrEnum
from typing import Annotated

from pydantic import Field, StrictBool, ValidationInfo, model_validator

from pedigree._durations import Duration
from pedigree._record import NUMBER, Record
from pedigree._values import JsonObject, Key
from pedigree.access.records import Permission
from pedigree.artifacts.records import Digest
from pedigree.catalog.names import found_in
from pedigree.catalog.records import ModelMetadata
from pedigree.lifecycle.approval_rules import ApprovalRule
from pedigree.lifecycle.metric_gate import MetricGate
from pedigree.lifecycle.stage_names import ARCHIVED as ARCHIVED  # noqa: PLC0414
from pedigree.lifecycle.stage_names import CANDIDATE as CANDIDATE  # noqa: PLC0414
from pedigree.lifecycle.stage_names import CHAMPION_STAGE as CHAMPION_STAGE  # noqa: PLC0414
from pedigree.lifecycle.stage_names import NO_STAGE as NO_STAGE  # noqa: PLC0414
from pedigree.lifecycle.stage_names import (
    MlflowStage,
    StageName,
    require_guards,
    require_stage_names,
)
from pedigree.monitoring.records import DriftRule

# Metadata fields of which a policy can require a single key.
_MAPPINGS = frozenset({"tags", "metrics", "params"})


class Severity(StrEnum):
    """Whether a failed check blocks a version."""

    ERROR = "error"
    WARN = "warn"


class Verdict(Record):
    """The result of a check on one version, for one exact digest."""

    check: Key
    passed: StrictBool
    severity: Severity = Severity.ERROR
    digest: Digest = Field(description="The checked artifact")
    baseline_digest: Digest | None = Field(
        default=None, description="The baseline of a relative check; void when that changes"
    )
    relative: bool = Field(default=False, description="The verdict depends on its baseline")
    settings: JsonObject | None = Field(
        default=None, description="Of the rule that it used; None if it has no settings"
    )
    summary: str = Field(description="The result in one sentence")
    details: JsonObject = Field(default_factory=dict)
    run_id: str | None = None


class RecordedVerdict(Verdict):
    """A stored verdict."""

    verdict_id: int
    at: datetime
    recorded_by: str

    @property
    def looked_at(self) -> datetime:
        """When the check ran: the verdict of an external run may be recorded much later."""
        text = self.details.get("looked_at")
        try:
            return min(self.at, datetime.fromisoformat(text)) if isinstance(text, str) else self.at
        except (TypeError, ValueError):
            return self.at  # another check's detail of that name


class CheckRule(Record):
    """A check that a stage requires. Without further fields, its name is enough."""

    name: Key = Field(min_length=1)
    severity: Severity = Field(
        default=Severity.ERROR, description="warn: a failure is shown but does not block a version"
    )
    max_age: Duration | None = Field(
        default=None, description="The largest age of its verdict; None: any age"
    )
    settings: JsonObject = Field(default_factory=dict, description="The settings of the check")

    @model_validator(mode="before")
    @classmethod
    def _named(cls, given: object) -> object:
        return {"name": given} if isinstance(given, str) else given


class MetricRule(Record):
    """When a metric has become worse than the champion's."""

    metric: str = Field(min_length=1)
    higher_is_better: StrictBool = True
    tolerance: Annotated[float, Field(ge=0), NUMBER] = Field(
        default=0.0, description="How much worse is still not a regression"
    )


class StageRule(Record):
    """The requirements of a policy for entering a stage."""

    name: StageName
    after: tuple[str, ...] = Field(description="The stages from which it may be entered")
    exclusive: StrictBool = Field(default=False, description="Held by at most one version")
    metadata: tuple[str, ...] = Field(
        default=(), description="Fields that must have a value, such as owners or tags.team"
    )
    checks: tuple[CheckRule, ...] = Field(default=(), description="Checks that must pass")
    metrics: tuple[MetricGate, ...] = ()
    verified: StrictBool = Field(
        default=False,
        description="Its bytes, loaded in a new process, must have predicted the same as the model",
    )
    approvals: ApprovalRule | None = None
    soak: Duration | None = Field(
        default=None, description="How long a version stays in the previous stage"
    )
    promoters: tuple[str, ...] = Field(
        default=(),
        description="Who may promote into it and roll it back: names, patterns, role:NAME,"
        " group:NAME; empty: anybody",
    )
    automatic: StrictBool = Field(
        default=False, description="The promotion sensor promotes versions into it"
    )
    mlflow: MlflowStage | None = Field(
        default=None,
        description="The stage that MLflow's clients see; without it the one of this name, or None",
    )

    @model_validator(mode="after")
    def _known_metadata(self) -> "StageRule":
        for name in self.metadata:
            field, dot, key = name.partition(".")
            if field not in ModelMetadata.model_fields or (dot and field not in _MAPPINGS):
                raise ValueError(f"stage {self.name!r} requires {name!r}, which no version has")
            if dot and not key:
                raise ValueError(f"stage {self.name!r} requires {name!r}, which names no key")
        return self

    @model_validator(mode="after")
    def _approves_by_own_checks(self) -> "StageRule":
        for approver in self.approvals.automatic if self.approvals else ():
            if approver.check is not None and approver.check not in self.check_names:
                raise ValueError(
                    f"the automatic approver {approver.name!r} decides by the check"
                    f" {approver.check!r}, which the stage {self.name!r} does not have"
                )
        return self

    @property
    def check_names(self) -> tuple[str, ...]:
        """The names of its checks."""
        return tuple(check.name for check in self.checks)

    def people(self, permission: Permission) -> tuple[str, ...]:
        """Return the names and patterns of the people with a permission; empty: all."""
        if permission is Permission.MOVE:
            return self.promoters
        if permission is Permission.DECIDE and self.approvals is not None:
            return self.approvals.by
        return ()


class RetentionRule(Record):
    """How long the bytes of a model's versions are kept, and in which tier."""

    keep_production: Annotated[int, Field(ge=1), NUMBER] | None = Field(
        default=None,
        description="How many of the latest production versions are not archived; None: all",
    )
    window: Duration | None = Field(
        default=None,
        description="How long a deleted version can be restored; None: the value of the setting",
    )


class Policy(Record):
    """The graph of a model's stages and the requirements of each."""

    stages: tuple[StageRule, ...]
    registration: tuple[CheckRule, ...] = Field(
        default=(),
        description="Checks that a version of MLflow's clients must pass before it can be loaded",
    )
    aliases: dict[Key, str] = Field(
        default_factory=dict,
        description="The stage that a version must hold to be named by an alias, by alias",
    )
    delete_held: StrictBool = Field(
        default=False,
        description="Deleting a version ends the stage and the aliases that it holds",
    )
    back_to_none: StrictBool = Field(
        default=False, description="A version may leave its stage and be in no stage again"
    )
    champion_metric: MetricRule | None = Field(
        default=None, description="The metric that the check no_regression compares"
    )
    retention: RetentionRule | None = Field(
        default=None, description="None leaves the model's present rule"
    )
    drift: DriftRule | None = Field(
        default=None, description="When served data counts as drifted; None: the defaults"
    )
    editors: tuple[str, ...] = Field(
        default=(),
        description="Who may change the policy: names, patterns, role:NAME, group:NAME; empty:"
        " anybody",
    )

    @model_validator(mode="after")
    def _closed(self, info: ValidationInfo) -> "Policy":
        names = [stage.name for stage in self.stages]
        if len(set(names)) != len(names):
            raise ValueError("a stage is declared twice")
        require_stage_names(names, info)
        require_guards(self.aliases, names, info)
        for stage in self.stages:
            for before in stage.after:
                if before != NO_STAGE and before not in names:
                    raise ValueError(f"stage {stage.name!r} follows {before!r}, not declared")
        if self.drift is not None and self.drift.stage not in names:
            raise ValueError(f"drift is watched in {self.drift.stage!r}, not declared")
        return self

    @property
    def checks(self) -> tuple[CheckRule, ...]:
        """The rules of all checks: those of its stages in their order, then of the registration."""
        return (*(check for stage in self.stages for check in stage.checks), *self.registration)

    def check_rules(self, name: str) -> tuple[CheckRule, ...]:
        """Return the rules that require a check, the first for each settings."""
        found: list[CheckRule] = []
        for rule in self.checks:
            if rule.name == name and all(rule.settings != known.settings for known in found):
                found.append(rule)
        return tuple(found)

    def from_on(self, stage: str) -> tuple[str, ...]:
        """Return a stage and the later ones, without the archive; empty if it is not declared."""
        names = [rule.name for rule in self.stages if rule.name != ARCHIVED]
        return tuple(names[names.index(stage) :]) if stage in names else ()

    def rule(self, stage: str) -> StageRule | None:
        """Return the rule of a stage, by case-insensitive name; None if there is no such stage."""
        name = found_in(stage, [rule.name for rule in self.stages])
        return next((rule for rule in self.stages if rule.name == name), None)

    def people(self, permission: Permission) -> tuple[str, ...]:
        """Return the names and patterns of the people with a permission; empty: all."""
        return self.editors if permission is Permission.GOVERN else ()


class Move(Record):
    """The result of ``promote``, ``demote`` and ``rollback``."""

    model_name: str
    stage: str
    version_id: int
    digest: Digest | None = Field(description="Null if the version is not sealed")
    previous_version_id: int | None = Field(
        default=None, description="The previous version of the stage"
    )
    moved: bool = Field(description="False if the version already held the stage")
    archived: int = Field(default=0, description="How many versions left the stage for the archive")
    generation: int


class Tenure(Record):
    """The time during which a version held a stage or an alias: from ``since``, until ``until``.

    ``until`` is exclusive, so an exclusive stage has one holder at any time.
    """

    tenure_id: int = Field(
        description="Grows with time within a model; the next page ends before it"
    )
    pointer: str = Field(description="stage:production or alias:champion")
    version_id: int
    since: datetime
    until: datetime | None
    moved_by: str
    reason: str | None
    overridden: bool = Field(
        default=False, description="It began by an override, past gates that were not passed"
    )
