"""Fold a model's events into its state: what the tables must say, if nobody edited them."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from types import MappingProxyType
from typing import Any, NamedTuple

from pedigree.audit.records import EventType, NewEvent

NO_STAGE = "none"
QUARANTINE = "quarantine"


class TenureState(NamedTuple):
    """A time during which a version held a stage or an alias."""

    since: datetime
    pointer: str
    name: str
    version: int
    until: datetime | None
    moved_by: str
    reason: str | None


@dataclass
class VersionState:
    """A version as its events tell of it."""

    digest: str
    created_at: datetime
    created_by: str
    description: str | None
    owners: list[str]
    tags: dict[str, str]
    stage: str = NO_STAGE
    hold_reason: str | None = None
    quarantine_reason: str | None = None
    approval_status: str = "none"
    approval_notes: str | None = None
    approved_by: str | None = None
    approval_timestamp: datetime | None = None
    approval_stage: str | None = None
    decisions: list[dict[str, Any]] = field(default_factory=list)
    tier: str = "standard"
    deleted_at: datetime | None = None
    collected: bool = False
    cards: list[str] = field(default_factory=list)
    evaluations: list[str] = field(default_factory=list)
    trainings: dict[str, dict[str, Any]] = field(default_factory=dict)
    verdicts: list[dict[str, Any]] = field(default_factory=list)
    _quarantines: dict[int, str] = field(default_factory=dict, repr=False, compare=False)

    def quarantine(self, quarantine_id: int, reason: str) -> None:
        """Put the version in one more quarantine."""
        self._quarantines[quarantine_id] = reason
        self._say_why()

    def release(self, quarantine_ids: Iterable[int]) -> None:
        """Take the version out of some quarantines."""
        for quarantine_id in quarantine_ids:
            self._quarantines.pop(quarantine_id, None)
        self._say_why()

    def _say_why(self) -> None:
        self.quarantine_reason = combined_reason(
            reason for _, reason in sorted(self._quarantines.items())
        )


@dataclass
class ModelState:
    """A model as its events tell of it."""

    versions: dict[int, VersionState] = field(default_factory=dict)
    aliases: dict[str, int] = field(default_factory=dict)
    generation: int = 0
    policy: dict[str, Any] | None = None
    policy_revision: int = 0
    deleted_at: datetime | None = None
    tenures: list[TenureState] = field(default_factory=list)
    _open: dict[tuple[str, int | str], int] = field(default_factory=dict, repr=False)

    @property
    def stages(self) -> dict[int, str]:
        """The stage of each living version."""
        return {
            number: version.stage
            for number, version in self.versions.items()
            if version.deleted_at is None
        }

    def begin(self, event: NewEvent, pointer: str, name: str) -> None:
        """Let the event's version hold a pointer from the event on."""
        version, reason = event.version or 0, event.body.get("reason")
        self._open[pointer, version if pointer == "stage" else name] = len(self.tenures)
        self.tenures.append(
            TenureState(
                since=event.at,
                pointer=pointer,
                name=name,
                version=version,
                until=None,
                moved_by=event.actor.name,
                reason=None if reason is None else str(reason),
            )
        )

    def end(self, at: datetime, pointer: str, of: int | str) -> None:
        """End the open tenure of a version's stage, or of an alias, if there is one."""
        place = self._open.pop((pointer, of), None)
        if place is not None:
            self.tenures[place] = self.tenures[place]._replace(until=at)


def combined_reason(reasons: Iterable[str]) -> str | None:
    """Return why a version is in quarantine, of the reasons that hold; None: it is not.

    >>> combined_reason(["wrong prices", "late feed", "wrong prices"])
    'wrong prices; late feed'
    """
    return "; ".join(dict.fromkeys(reasons)) or None


TRAINING = ("run_id", "git_commit", "git_dirty", "training_data_digest", "environment_hash")
DECISION = ("digest", "from_stage", "to_stage", "generation", "comment")
VERDICT = (
    *("check", "passed", "severity", "digest", "relative", "baseline_digest", "settings"),
    *("summary", "run_id"),
)


def replay(events: Iterable[NewEvent]) -> ModelState:
    """Fold the events of one model, oldest first."""
    state = ModelState()
    for event in events:
        _FOLDS.get(event.type, _nothing)(state, event)
    return state


def _nothing(state: ModelState, event: NewEvent) -> None:
    """Leave the state: the event tells of no table that is replayed."""


def _model_updated(state: ModelState, event: NewEvent) -> None:
    policy = event.body.get("policy")
    if isinstance(policy, dict):
        state.policy = policy
        state.policy_revision += 1


def _model_deleted_or_restored(state: ModelState, event: NewEvent) -> None:
    state.deleted_at = event.at if event.type is EventType.MODEL_DELETED else None


def _created(state: ModelState, event: NewEvent) -> None:
    body: dict[str, Any] = event.body
    state.versions[event.version or 0] = VersionState(
        digest=body["digest"],
        created_at=event.at,
        created_by=event.actor.name,
        description=body["description"],
        owners=body["owners"],
        tags=body["tags"],
    )
    _trained(state, event)


def _trained(state: ModelState, event: NewEvent) -> None:
    body: dict[str, Any] = event.body
    known = {key: body[key] for key in TRAINING}
    metrics = {name: float(value) for name, value in body["metrics"].items()}
    _version(state, event).trainings[body["training_id"]] = {**known, "metrics": metrics}


def _updated(state: ModelState, event: NewEvent) -> None:
    version = _version(state, event)
    for name in ("description", "owners", "tags"):
        if name in event.body:
            setattr(version, name, event.body[name])
    if "model_card" in event.body:
        version.cards.append(str(event.body["model_card"]))
    if "evaluation" in event.body:
        version.evaluations.append(str(event.body["evaluation"]))


def _deleted(state: ModelState, event: NewEvent) -> None:
    version = _version(state, event)
    version.deleted_at, version.stage = event.at, NO_STAGE
    state.end(event.at, "stage", event.version or 0)


def _restored(state: ModelState, event: NewEvent) -> None:
    version = _version(state, event)
    version.deleted_at, version.stage = None, str(event.body["stage"])
    if version.stage != NO_STAGE:
        state.begin(event, "stage", version.stage)


def _collected(state: ModelState, event: NewEvent) -> None:
    version = _version(state, event)
    version.collected, version.cards = True, []


def _stage_changed(state: ModelState, event: NewEvent) -> None:
    version = _version(state, event)
    version.stage = str(event.body["to"])
    state.end(event.at, "stage", event.version or 0)
    state.begin(event, "stage", version.stage)
    if version.approval_status == "approved" and version.approval_stage == version.stage:
        version.approval_stage = None
    _moved(state, event)


def _moved(state: ModelState, event: NewEvent) -> None:
    body: dict[str, Any] = event.body
    state.generation = int(body["generation"])
    for number in body.get("voided", ()):
        version = state.versions[number]
        version.approval_status, version.approval_stage = "pending", None


def _alias_set(state: ModelState, event: NewEvent) -> None:
    alias = str(event.body["alias"])
    state.end(event.at, "alias", alias)
    state.begin(event, "alias", alias)
    state.aliases[alias] = event.version or 0
    _moved(state, event)


def _alias_deleted(state: ModelState, event: NewEvent) -> None:
    alias = str(event.body["alias"])
    state.end(event.at, "alias", alias)
    state.aliases.pop(alias, None)
    _moved(state, event)


def _decided(state: ModelState, event: NewEvent) -> None:
    body: dict[str, Any] = event.body
    version, approved = _version(state, event), event.type is EventType.VERSION_APPROVED
    version.approval_status, version.approval_notes = body["status"], body["comment"]
    version.approved_by = event.actor.name if approved else None
    version.approval_timestamp = event.at
    version.approval_stage = body["to_stage"] if body["status"] == "approved" else None
    told = {key: body[key] for key in DECISION}
    version.decisions.append(
        {**told, "approved": approved, "decided_by": event.actor.name, "at": event.at}
    )


def _held(state: ModelState, event: NewEvent) -> None:
    _version(state, event).hold_reason = str(event.body["reason"])


def _quarantined(state: ModelState, event: NewEvent) -> None:
    body: dict[str, Any] = event.body
    _version(state, event).quarantine(body["quarantine_id"], body["reason"])


def _released(state: ModelState, event: NewEvent) -> None:
    body: dict[str, Any] = event.body
    if body.get("from") == QUARANTINE:
        _version(state, event).release(body["quarantine_ids"])
    else:
        _version(state, event).hold_reason = None


def _tier_changed(state: ModelState, event: NewEvent) -> None:
    _version(state, event).tier = str(event.body["to"])


def _checked(state: ModelState, event: NewEvent) -> None:
    _version(state, event).verdicts.append(
        # What was recorded before verdicts named their settings knows none.
        {"settings": None, **{key: event.body[key] for key in VERDICT if key in event.body}}
    )


def _version(state: ModelState, event: NewEvent) -> VersionState:
    return state.versions[event.version or 0]


_FOLDS: Mapping[EventType, Callable[[ModelState, NewEvent], None]] = MappingProxyType(
    {
        EventType.MODEL_UPDATED: _model_updated,
        EventType.MODEL_DELETED: _model_deleted_or_restored,
        EventType.MODEL_RESTORED: _model_deleted_or_restored,
        EventType.VERSION_CREATED: _created,
        EventType.VERSION_TRAINED: _trained,
        EventType.VERSION_UPDATED: _updated,
        EventType.VERSION_DELETED: _deleted,
        EventType.VERSION_RESTORED: _restored,
        EventType.VERSION_COLLECTED: _collected,
        EventType.VERSION_STAGE_CHANGED: _stage_changed,
        EventType.VERSION_CHECK_RECORDED: _checked,
        EventType.VERSION_APPROVED: _decided,
        EventType.VERSION_REJECTED: _decided,
        EventType.VERSION_HELD: _held,
        EventType.VERSION_QUARANTINED: _quarantined,
        EventType.VERSION_RELEASED: _released,
        EventType.VERSION_TIER_CHANGED: _tier_changed,
        EventType.ALIAS_SET: _alias_set,
        EventType.ALIAS_DELETED: _alias_deleted,
    }
)
