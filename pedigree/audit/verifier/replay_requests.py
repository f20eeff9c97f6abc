"""Replay of the events about requests for stages, and about promotions that were given up."""

from datetime import datetime
from typing import Any

from .states import ReplayableEvent, ReplayedModel

GIVEN_UP = ("generation", "policy_revision", "attempts", "run_id", "problem")


def stage_requested(state: ReplayedModel, event: ReplayableEvent) -> None:
    """Replay a request for a stage."""
    body: dict[str, Any] = event.body
    state.versions[event.version or 0].requests[body["request_id"]] = {
        "from_stage": body["from"],
        "stage": body["to"],
        "reason": body["reason"],
        "only_asks": body["only_asks"],
        "requested_by": event.actor.name,
        "requested_by_source": event.actor.source,
        "at": event.at,
        **dict.fromkeys(("outcome", "closed_at", "closed_by")),
    }


def request_withdrawn(state: ReplayedModel, event: ReplayableEvent) -> None:
    """Replay the end of requests that were withdrawn."""
    body: dict[str, Any] = event.body
    for request_id in body["request_ids"]:
        state.versions[event.version or 0].close_request(request_id, event, "withdrawn")


def promotion_given_up(state: ReplayedModel, event: ReplayableEvent) -> None:
    """Replay that the sensor gave up a promotion."""
    version, body = state.versions[event.version or 0], event.body
    given_up = version.open_given_up(str(body["to"]))
    if given_up is None:
        given_up = {"stage": body["to"], "retried_at": None, "retried_by": None}
        version.given_up.append(given_up)
    # The evidence's time is the database's: a row and an event write it differently.
    at = body["evidence_at"]
    given_up["evidence_at"] = datetime.fromisoformat(str(at)) if at is not None else None
    given_up.update({key: body[key] for key in GIVEN_UP}, at=event.at)


def promotion_retried(state: ReplayedModel, event: ReplayableEvent) -> None:
    """Replay that somebody let the sensor try a promotion again."""
    given_up = state.versions[event.version or 0].open_given_up(str(event.body["to"]))
    if given_up is not None:
        given_up.update(retried_at=event.at, retried_by=event.actor.name)
