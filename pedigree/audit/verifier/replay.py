"""Replay of a model's events into its state: what the tables must contain if nobody edited them."""

from collections.abc import Callable, Iterable, Mapping
from types import MappingProxyType
from typing import Any

from .digests import json_digest
from .replay_monitoring import drift_detected, drift_measured, profiled
from .replay_requests import (
    promotion_given_up,
    promotion_retried,
    request_withdrawn,
    stage_requested,
)
from .replay_updates import note_update
from .states import (
    BEFORE_VERIFICATION,
    NO_STAGE,
    UNRECORDED,
    ReplayableEvent,
    ReplayedModel,
    ReplayedVersion,
)

QUARANTINE = "quarantine"
TRAINING = ("run_id", "git_commit", "git_dirty", "training_data_digest", "environment_hash")
STATED = ("description", "owners", "tags")
DECISION = ("digest", "from_stage", "to_stage", "generation", "comment")
OVERRIDE = ("digest", "from_stage", "to_stage", "generation", "gates", "reason")
VERDICT = (
    *("check", "passed", "severity", "digest", "relative", "baseline_digest", "settings"),
    *("summary", "run_id"),
)


def replay(events: Iterable[ReplayableEvent]) -> ReplayedModel:
    """Fold the events of one model, oldest first."""
    state = ReplayedModel()
    for event in events:
        fold(state, event)
    return state


def fold(state: ReplayedModel, event: ReplayableEvent) -> None:
    """Apply an event to the state of its model; one that does not fit is a built-in error."""
    apply = _FOLDS.get(event.type)
    if apply is not None:  # others change no replayed table
        apply(state, event)
        note_update(state, event)


def _model_created(state: ReplayedModel, event: ReplayableEvent) -> None:
    state.name = event.model
    # Events of a model whose name was never another's have no number.
    state.first_version = int(event.body.get("first_version", 1))


def _model_renamed(state: ReplayedModel, event: ReplayableEvent) -> None:
    state.name = str(event.body["to"])
    state.first_version = int(event.body["first_version"])


def _model_updated(state: ReplayedModel, event: ReplayableEvent) -> None:
    policy = event.body.get("policy")
    if isinstance(policy, dict):
        state.policy = policy
        state.policy_revision += 1
    _described(state, event)
    _moved(state, event)


def _described(state: ReplayedModel | ReplayedVersion, event: ReplayableEvent) -> None:
    for name in STATED:
        if name in event.body:
            setattr(state, name, event.body[name])
    if "tag_changes" in event.body:  # a merge patch: a null removes a tag
        patched = {**state.tags, **event.body["tag_changes"]}
        state.tags = {key: value for key, value in patched.items() if value is not None}


def _model_deleted_or_restored(state: ReplayedModel, event: ReplayableEvent) -> None:
    state.deleted_at = event.at if event.type == "model.deleted" else None


def _created(state: ReplayedModel, event: ReplayableEvent) -> None:
    body: dict[str, Any] = event.body
    state.versions[event.version or 0] = ReplayedVersion(
        digest=body["digest"],
        created_at=event.at,
        created_by=event.actor.name,
        description=body["description"],
        owners=body["owners"],
        tags=body["tags"],
        updated_at=event.at,
        state=body.get("state", "sealed"),
        state_reason=body.get("state_reason"),
    )
    if body["training_id"] is not None:
        _trained(state, event)


def _sealed(state: ReplayedModel, event: ReplayableEvent) -> None:
    version = _version(state, event)
    version.digest, version.state = str(event.body["digest"]), "sealed"
    version.state_reason = None
    _moved(state, event)


def _registration_failed(state: ReplayedModel, event: ReplayableEvent) -> None:
    version = _version(state, event)
    version.state, version.state_reason = "failed", str(event.body["reason"])


def _trained(state: ReplayedModel, event: ReplayableEvent) -> None:
    body: dict[str, Any] = event.body
    # Events of earlier releases have these fields only for a version's first training.
    training = {key: body[key] for key in TRAINING} | {
        key: body.get(key, UNRECORDED) for key in STATED
    }
    training["metrics"] = {name: float(value) for name, value in body["metrics"].items()}
    training["verification"] = body.get("verification", BEFORE_VERIFICATION)
    _version(state, event).trainings[body["training_id"]] = training


def _updated(state: ReplayedModel, event: ReplayableEvent) -> None:
    version = _version(state, event)
    _described(version, event)
    if "model_card" in event.body:
        version.cards.append(str(event.body["model_card"]))
    if "evaluation" in event.body:
        version.evaluations.append(str(event.body["evaluation"]))


def _deleted(state: ReplayedModel, event: ReplayableEvent) -> None:
    version = _version(state, event)
    version.deleted_at, version.stage = event.at, NO_STAGE
    version.close_requests(event, "deleted")
    state.end(event.at, "stage", event.version or 0)
    _moved(state, event)


def _restored(state: ReplayedModel, event: ReplayableEvent) -> None:
    version = _version(state, event)
    version.deleted_at, version.stage = None, str(event.body["stage"])
    if version.stage != NO_STAGE:
        state.begin(event, "stage", version.stage)
    _moved(state, event)


def _collected(state: ReplayedModel, event: ReplayableEvent) -> None:
    version = _version(state, event)
    version.collected, version.cards = True, []
    version.profile, version.drifts = None, {}


def _stage_changed(state: ReplayedModel, event: ReplayableEvent) -> None:
    version = _version(state, event)
    version.stage = str(event.body["to"])
    version.close_requests(event, "performed", stage=version.stage)
    version.close_requests(event, "superseded")
    state.end(event.at, "stage", event.version or 0)
    if version.stage != NO_STAGE:
        state.begin(event, "stage", version.stage)
    if version.approval_status == "approved" and version.approval_stage == version.stage:
        version.approval_stage = None
    _moved(state, event)


def _moved(state: ReplayedModel, event: ReplayableEvent) -> None:
    body: dict[str, Any] = event.body
    state.generation = int(body.get("generation", state.generation))
    for number in body.get("voided", ()):
        version = state.versions[number]
        version.approval_status, version.approval_stage = "pending", None


def _alias_set(state: ReplayedModel, event: ReplayableEvent) -> None:
    alias = str(event.body["alias"])
    state.end(event.at, "alias", alias)
    state.begin(event, "alias", alias)
    state.aliases[alias] = event.version or 0
    _moved(state, event)


def _alias_deleted(state: ReplayedModel, event: ReplayableEvent) -> None:
    alias = str(event.body["alias"])
    state.end(event.at, "alias", alias)
    state.aliases.pop(alias, None)
    _moved(state, event)


def _decided(state: ReplayedModel, event: ReplayableEvent) -> None:
    body: dict[str, Any] = event.body
    version, approved = _version(state, event), event.type == "version.approved"
    version.approval_status, version.approval_notes = body["status"], body["comment"]
    version.approved_by = event.actor.name if approved else None
    version.approval_timestamp = event.at
    version.approval_stage = body["to_stage"] if body["status"] == "approved" else None
    if not approved:
        version.close_requests(event, "rejected", stage=body["to_stage"])
    decision = {key: body[key] for key in DECISION} | {"issued_by": body.get("issued_by")}
    version.decisions.append(
        {**decision, "approved": approved, "decided_by": event.actor.name, "at": event.at}
    )


def _overridden(state: ReplayedModel, event: ReplayableEvent) -> None:
    override = {key: event.body[key] for key in OVERRIDE}
    _version(state, event).overrides.append(
        {**override, "overridden_by": event.actor.name, "at": event.at}
    )


def _held(state: ReplayedModel, event: ReplayableEvent) -> None:
    _version(state, event).hold_reason = str(event.body["reason"])


def _quarantined(state: ReplayedModel, event: ReplayableEvent) -> None:
    body: dict[str, Any] = event.body
    # Events of earlier releases have no certainty.
    certainty = body.get("certainty")
    _version(state, event).quarantine(body["quarantine_id"], body["reason"], certainty)


def _released(state: ReplayedModel, event: ReplayableEvent) -> None:
    body: dict[str, Any] = event.body
    if body.get("from") == QUARANTINE:
        _version(state, event).release(body["quarantine_ids"], event.at)
    else:
        _version(state, event).hold_reason = None


def _tier_changed(state: ReplayedModel, event: ReplayableEvent) -> None:
    _version(state, event).tier = str(event.body["to"])


def _checked(state: ReplayedModel, event: ReplayableEvent) -> None:
    _version(state, event).verdicts.append(
        {
            # Events of earlier releases have no settings.
            **{"settings": None, **{key: event.body[key] for key in VERDICT if key in event.body}},
            "details": json_digest(event.body["details"]),
            "at": event.at,
            "recorded_by": event.actor.name,
        }
    )


def _version(state: ReplayedModel, event: ReplayableEvent) -> ReplayedVersion:
    return state.versions[event.version or 0]


_FOLDS: Mapping[str, Callable[[ReplayedModel, ReplayableEvent], None]] = MappingProxyType(
    {
        "model.created": _model_created,
        "model.renamed": _model_renamed,
        "model.updated": _model_updated,
        "model.deleted": _model_deleted_or_restored,
        "model.restored": _model_deleted_or_restored,
        "version.created": _created,
        "version.sealed": _sealed,
        "version.registration_failed": _registration_failed,
        "version.trained": _trained,
        "version.updated": _updated,
        "version.deleted": _deleted,
        "version.restored": _restored,
        "version.collected": _collected,
        "version.stage_requested": stage_requested,
        "version.request_withdrawn": request_withdrawn,
        "version.stage_changed": _stage_changed,
        "version.check_recorded": _checked,
        "version.profiled": profiled,
        "version.drift_measured": drift_measured,
        "version.drift_detected": drift_detected,
        "version.promotion_given_up": promotion_given_up,
        "version.promotion_retried": promotion_retried,
        "version.approved": _decided,
        "version.rejected": _decided,
        "version.overridden": _overridden,
        "version.held": _held,
        "version.quarantined": _quarantined,
        "version.released": _released,
        "version.tier_changed": _tier_changed,
        "alias.set": _alias_set,
        "alias.deleted": _alias_deleted,
    }
)
