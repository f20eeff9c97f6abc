"""Events in words."""

from collections.abc import Callable, Mapping
from typing import NamedTuple

from pydantic import JsonValue

from pedigree.audit.event_types import EventType
from pedigree.audit.records import Event
from pedigree.lifecycle.records import NO_STAGE

Body = Mapping[str, JsonValue]


class Said(NamedTuple):
    """An event in words.

    Attributes:
        what: What happened to its subject, as a clause.
        why: The reason or the comment; None without one.
    """

    what: str
    why: str | None


def said(event: Event) -> Said:
    """Return an event in words; a body that is left out gives fewer of them."""
    phrase = _PHRASES.get(event.type)
    body = event.body
    what = phrase(body) if phrase else event.type.about.partition(";")[0].removesuffix(".")
    why = next(
        (body[key] for key in ("reason", "comment", "problem", "summary") if body.get(key)), None
    )
    return Said(what, why if isinstance(why, str) else None)


def is_routine(event: Event) -> bool:
    """Return whether an event only says that a model card was drawn again."""
    return event.type is EventType.VERSION_UPDATED and set(event.body) == {"model_card"}


def _text(body: Body, key: str) -> str:
    value = body.get(key)
    return value if isinstance(value, str) and value else "not known"


def _stage(body: Body) -> str:
    """Return the stage that an event is about: decisions name it in full."""
    return _text(body, "to_stage" if "to_stage" in body else "to")


def _stage_change(body: Body) -> str:
    if body.get("to") == NO_STAGE:
        return f"left {_text(body, 'from')} for no stage"
    return f"moved from {_text(body, 'from')} to {_text(body, 'to')}"


def _check(body: Body) -> str:
    verdict = {True: "passed", False: "failed"}.get(body.get("passed") is True, "failed")
    if body.get("passed") is False and body.get("severity") == "warn":
        verdict = "warned"
    return f"check {_text(body, 'check').replace('_', ' ')} {verdict}"


def _update(body: Body) -> str:
    changed = {
        "model_card": "model card drawn",
        "evaluation": "results by group stored",
        "stage_confirmed": f"its stage {_text(body, 'stage_confirmed')} asked for again",
    }
    known = [words for key, words in changed.items() if key in body]
    fields = [key.replace("_", " ") for key in body if key not in {*changed, _TAG_CHANGES}]
    words = [*known, *(f"{field} changed" for field in fields), *_tag_changes(body)]
    return ", ".join(words) or "changed"


def _tag_changes(body: Body) -> list[str]:
    changes = body.get(_TAG_CHANGES)
    found = changes.items() if isinstance(changes, dict) else ()
    return [f"tag {key} {'removed' if value is None else 'set'}" for key, value in found]


_TAG_CHANGES = "tag_changes"
_OF_MODELS = ("description", "owners", "tags", "policy", "retention")


def _model_update(body: Body) -> str:
    known = [f"{field} changed" for field in _OF_MODELS if field in body]
    return ", ".join([*known, *_tag_changes(body)]) or "changed"


def _data(body: Body) -> str:
    """Return the asset that an event is about, with its partition if it is about one."""
    partition = body.get("partition")
    suffix = f" [{partition}]" if isinstance(partition, str) else ""
    return f"{_text(body, 'asset')}{suffix}"


_PHRASES: Mapping[EventType, Callable[[Body], str]] = {
    EventType.MODEL_CREATED: lambda _: "created",
    EventType.MODEL_UPDATED: _model_update,
    EventType.MODEL_RENAMED: lambda body: (
        f"renamed from {_text(body, 'from')} to {_text(body, 'to')}"
    ),
    EventType.MODEL_DELETED: lambda _: "deleted with all its versions",
    EventType.MODEL_RESTORED: lambda _: "restored",
    EventType.VERSION_CREATED: lambda _: "registered",
    EventType.VERSION_SEALED: lambda _: "sealed: the registry has its bytes",
    EventType.VERSION_REGISTRATION_FAILED: lambda _: "its registration failed",
    EventType.VERSION_TRAINED: lambda _: "trained again, with the same bytes",
    EventType.VERSION_UPDATED: _update,
    EventType.VERSION_DOWNLOADED: lambda _: "downloaded or loaded",
    EventType.VERSION_DELETED: lambda _: "deleted",
    EventType.VERSION_RESTORED: lambda _: "restored",
    EventType.VERSION_STAGE_REQUESTED: lambda body: f"asked to enter {_text(body, 'to')}",
    EventType.VERSION_REQUEST_WITHDRAWN: lambda body: (
        f"no longer asked to enter {_text(body, 'to')}"
    ),
    EventType.VERSION_STAGE_CHANGED: _stage_change,
    EventType.VERSION_CHECK_RECORDED: _check,
    EventType.VERSION_APPROVED: lambda body: f"approved for {_stage(body)}",
    EventType.VERSION_REJECTED: lambda body: f"rejected for {_stage(body)}",
    EventType.VERSION_OVERRIDDEN: lambda body: f"let into {_stage(body)} past its gates",
    EventType.VERSION_HELD: lambda _: "put under a legal hold",
    EventType.VERSION_QUARANTINED: lambda _: "put in quarantine",
    EventType.VERSION_RELEASED: lambda body: (
        "released from quarantine" if "from" in body else "released from a legal hold"
    ),
    EventType.VERSION_PROFILED: lambda _: "profile of its training data stored",
    EventType.VERSION_PROMOTION_GIVEN_UP: lambda body: (
        f"the sensor gave up its promotion to {_stage(body)}"
    ),
    EventType.VERSION_DRIFT_MEASURED: lambda body: f"compared with {_data(body)}",
    EventType.VERSION_DRIFT_DETECTED: lambda body: f"{_data(body)} has drifted",
    EventType.ALIAS_DELETED: lambda body: f"alias @{_text(body, 'alias')} removed",
    EventType.ASSET_QUARANTINED: lambda body: f"{_data(body)} put in quarantine",
    EventType.ASSET_RELEASED: lambda body: f"{_data(body)} released from quarantine",
    EventType.DATASHEET_SET: lambda body: f"datasheet of {_data(body)} written",
    EventType.DATA_CHECK_RECORDED: lambda body: f"{_data(body)}: {_check(body)}",
    EventType.POLICY_DEFAULT_SET: lambda body: f"policy of new models {_text(body, 'pattern')} set",
    EventType.POLICY_DEFAULT_DELETED: lambda body: (
        f"policy of new models {_text(body, 'pattern')} deleted"
    ),
    EventType.ALIAS_SET: lambda body: f"became @{_text(body, 'alias')}",
}
