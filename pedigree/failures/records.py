"""A failing member of background work."""

from datetime import datetime, timedelta
from enum import StrEnum

from pydantic import Field

from pedigree._record import Record

_FIRST_PAUSE = timedelta(seconds=10)
_LONGEST_PAUSE = timedelta(minutes=5)
_DOUBLINGS = 5


class BackgroundWork(StrEnum):
    """The kinds of background work whose failing members are stored."""

    APPROVALS = "approvals"
    ASSET_CHECKS = "asset checks"
    ATTESTING = "attesting"
    CARDS = "cards"
    CHECKS = "checks"
    DELIVERY = "delivery"
    DRIFT = "drift"
    GC = "gc"
    LINEAGE = "lineage"
    MIRROR = "mirror"
    PARTITIONS = "partitions"
    PROMOTIONS = "promotions"
    RETRAINING = "retraining"
    SEALING = "sealing"
    SINKS = "sinks"
    UPKEEP = "upkeep"
    VERDICTS = "verdicts"
    WEBHOOKS = "webhooks"
    WEBHOOK_QUEUES = "webhook queues"


class Failure(Record):
    """A member of background work that failed and is tried again later."""

    work: str = Field(description="The background work, such as mirror")
    member: str = Field(description="What failed: a model, a partition, a webhook, a file")
    model: str | None = Field(default=None, description="The registered model, if there is one")
    problem: str = Field(description="Why the last attempt failed")
    attempts: int = Field(description="The number of consecutive failed attempts")
    failed_since: datetime
    failed_last: datetime
    next_at: datetime = Field(description="The time of the next attempt")


def pause_after(attempts: int) -> timedelta:
    """Return the pause after a number of consecutive failed attempts.

    >>> [str(pause_after(attempts)) for attempts in (1, 2, 3, 99)]
    ['0:00:10', '0:00:20', '0:00:40', '0:05:00']
    """
    return min(_FIRST_PAUSE * (1 << min(attempts - 1, _DOUBLINGS)), _LONGEST_PAUSE)
