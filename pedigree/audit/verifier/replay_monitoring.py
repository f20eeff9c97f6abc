"""Replay of the events about a version's profile and the drift of its data."""

from typing import Any

from .states import UNRECORDED, ReplayableEvent, ReplayedModel

DRIFT = ("asset", "partition", "drifted", "result", "served", "html", "markdown")


def profiled(state: ReplayedModel, event: ReplayableEvent) -> None:
    """Replay a profile of a version's training data."""
    state.versions[event.version or 0].profile = {
        "digest": event.body["profile"],
        "created_at": event.at,
    }


def drift_measured(state: ReplayedModel, event: ReplayableEvent) -> None:
    """Replay a comparison of later data with a version's profile."""
    body: dict[str, Any] = event.body
    # Events of earlier releases have no digests.
    result = {key: body.get(key, UNRECORDED) for key in DRIFT}
    more = {"recorded_at": event.at, "recorded_by": event.actor.name, "alerted_at": None}
    state.versions[event.version or 0].drifts[body["drift_id"]] = {**result, **more}


def drift_detected(state: ReplayedModel, event: ReplayableEvent) -> None:
    """Replay the alert of such a comparison."""
    body: dict[str, Any] = event.body
    state.versions[event.version or 0].drifts[body["drift_id"]]["alerted_at"] = event.at
