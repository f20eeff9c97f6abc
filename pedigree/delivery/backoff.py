"""The schedule of retries after failed attempts."""

import random
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime

# The waiting time after each attempt, as Standard Webhooks recommends; the first attempt is
# immediate. A delivery that fails after the last one is dead.
WAITS = (
    timedelta(seconds=5),
    timedelta(minutes=5),
    timedelta(minutes=30),
    *(timedelta(hours=hours) for hours in (2, 5, 10, 14, 20, 24)),
)
# Jitter, so that deliveries that failed together are not retried together.
_JITTER = 0.1
_LONGEST = WAITS[-1]


def wait_after(failures: int, asked: float = 0.0) -> timedelta | None:
    """Return how long to wait after a number of failures; None if there is no further attempt.

    Args:
        failures: The number of consecutive failed attempts.
        asked: The seconds that the receiver requests to wait; limited to a day.
    """
    if failures > len(WAITS):
        return None
    planned = WAITS[failures - 1] * random.uniform(1, 1 + _JITTER)  # noqa: S311 -- no secret
    return max(planned, timedelta(seconds=min(asked, _LONGEST.total_seconds())))


def retry_after(header: str) -> float:
    """Return the seconds that a header Retry-After asks for, as a number or as a date.

    >>> retry_after("120"), retry_after("Wed, 21 Oct 2015 07:28:00 GMT"), retry_after("soon")
    (120.0, 0.0, 0.0)
    """
    if header.isascii() and header.isdigit():
        return float(header)
    try:
        until = parsedate_to_datetime(header)
    except ValueError:  # it is empty or not a date
        return 0.0
    if until.tzinfo is None:
        until = until.replace(tzinfo=UTC)
    return max(0.0, (until - datetime.now(UTC)).total_seconds())
