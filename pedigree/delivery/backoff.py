"""When a try that failed is made again, and when no more."""

import random
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime

# How long behind each try the next one is, as Standard Webhooks recommends; the first one is made
# at once. What failed behind the last is dead.
WAITS = (
    timedelta(seconds=5),
    timedelta(minutes=5),
    timedelta(minutes=30),
    *(timedelta(hours=hours) for hours in (2, 5, 10, 14, 20, 24)),
)
# So that what failed together does not come back together.
_JITTER = 0.1
_LONGEST = WAITS[-1]


def wait_behind(failures: int, asked: float = 0.0) -> timedelta | None:
    """Return how long to wait behind so many failures; None where there were enough.

    Args:
        failures: How many tries failed, one after the other.
        asked: So many seconds the receiver wants to be left alone; a day at most is heeded.
    """
    if failures > len(WAITS):
        return None
    planned = WAITS[failures - 1] * random.uniform(1, 1 + _JITTER)  # noqa: S311 -- no secret
    return max(planned, timedelta(seconds=min(asked, _LONGEST.total_seconds())))


def retry_after(said: str) -> float:
    """Return the seconds that a header Retry-After asks for, as a number or as a date.

    >>> retry_after("120"), retry_after("Wed, 21 Oct 2015 07:28:00 GMT"), retry_after("soon")
    (120.0, 0.0, 0.0)
    """
    if said.isascii() and said.isdigit():
        return float(said)
    try:
        until = parsedate_to_datetime(said)
    except ValueError:  # there is none, or it is no date
        return 0.0
    if until.tzinfo is None:
        until = until.replace(tzinfo=UTC)
    return max(0.0, (until - datetime.now(UTC)).total_seconds())
