"""Replay of the events about promotions that the sensor gave up."""

from datetime import datetime

from .states import ReplayableEvent, ReplayedModel

GIVEN_UP = ("generation", "policy_revision", "attempts", "run_id", "problem")


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
    """Replay that somebody asked for another attempt."""
    given_up = state.versions[event.version or 0].open_given_up(str(event.body["to"]))
    if given_up is not None:
        given_up.update(retried_at=event.at, retried_by=event.actor.name)
