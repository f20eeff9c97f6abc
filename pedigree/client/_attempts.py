"""The attempts of one request: when it is sent again, and with which error it is given up."""

import secrets
import time
from typing import TYPE_CHECKING, NamedTuple

from pedigree.delivery.backoff import retry_after
from pedigree.errors import (
    DatabaseBusyError,
    OutcomeUnknownError,
    PedigreeError,
    RequestInFlightError,
    SchemaBehindError,
    ServiceBusyError,
    ServiceUnavailableError,
    SlowRequestError,
)

if TYPE_CHECKING:
    import httpx2

# The longest pause before the first retry, which doubles with each retry, and its maximum.
_SHORTEST_S, _LONGEST_S = 0.1, 5.0
# If the service asks for a longer pause than this, the error is raised instead.
_LONGEST_RETRY_AFTER_S = 60.0
_RANDOM = secrets.SystemRandom()

# Load, a restart, or a request that did not arrive in time: the same request may succeed a little
# later.
_TRANSIENT = frozenset({408, 429, 502, 503, 504})
# With these, the service states that it did nothing.
_NOTHING_DONE = (ServiceBusyError, DatabaseBusyError, SchemaBehindError, SlowRequestError)


class Patience(NamedTuple):
    """Timeouts and retries of requests to a service."""

    timeout: float
    """Seconds for a connection, and for each chunk of an answer."""
    retries: int
    """The number of retries of a request."""
    deadline: float
    """Seconds for a request with all its retries, and for the wait for one that is in progress."""


class Unanswered(Exception):  # noqa: N818 -- never leaves the client
    """A request has no result yet, and may be sent again."""

    def __init__(
        self, error: PedigreeError, *, retry_after: float = 0.0, may_be_done: bool
    ) -> None:
        self.error = error
        self.retry_after = retry_after
        self.may_be_done = may_be_done
        """Whether the service may have done it, or may still do it."""
        super().__init__(str(error))

    @property
    def is_in_progress(self) -> bool:
        """Whether the service still works on an earlier attempt."""
        return isinstance(self.error, RequestInFlightError)


def error_or_retry(error: PedigreeError, answer: "httpx2.Response") -> Exception:
    """Return the error of an answer; a retryable one if it is transient."""
    at_work = isinstance(error, RequestInFlightError)
    if answer.status_code not in _TRANSIENT and not at_work:
        return error
    # A 408 of a proxy does not say how far the request came.
    refused = answer.status_code == 429 or isinstance(error, _NOTHING_DONE)
    asked = retry_after(answer.headers.get("Retry-After", ""))
    return Unanswered(error, retry_after=asked, may_be_done=not refused)


def lost(error: "httpx2.TransportError") -> Unanswered:
    """Return a failure of the transport as a request without an answer."""
    import httpx2  # noqa: PLC0415 -- takes a tenth of a second, and not every process needs it

    # It may be a URL of the store, whose query is a secret.
    url = error.request.url
    unavailable = ServiceUnavailableError(
        f"there is no answer: {error or type(error).__name__}",
        field="url",
        value=f"{url.scheme}://{url.netloc.decode()}",
        remedy="Check that it runs and is reachable from here",
    )
    unsent = (httpx2.ConnectError, httpx2.ConnectTimeout, httpx2.PoolTimeout, httpx2.ProxyError)
    return Unanswered(unavailable, may_be_done=not isinstance(error, unsent))


class Attempts:
    """The attempts of one request within its deadline.

    Args:
        patience: How often and for how long it is tried.
        write: What it writes, such as ``POST /models``; None for a request that may be repeated.
    """

    def __init__(self, patience: Patience, write: str | None = None) -> None:
        self._patience = patience
        self._write = write
        self._may_be_done = False
        self.restart()

    def restart(self) -> None:
        """Start to count again, because there was progress."""
        self._failures = self._waits = 0
        self._end = time.monotonic() + self._patience.deadline

    @property
    def timeout(self) -> float:
        """The seconds that the service may take now for each part of an answer."""
        return max(min(self._patience.timeout, self._end - time.monotonic()), _SHORTEST_S)

    def wait(self, failure: Unanswered) -> None:
        """Wait before a retry, or raise the error.

        A request that is in progress is waited for until the deadline, without counting as a retry.

        Raises:
            OutcomeUnknownError: The client gives up a write that may be done.
            PedigreeError: There is no retry or time left, or the service asks for too long a pause.
        """
        self._may_be_done |= failure.may_be_done
        self._failures += not failure.is_in_progress
        # Random, so that clients that failed at once do not retry at once.
        longest = min(_LONGEST_S, _SHORTEST_S * 2**self._waits)
        pause = failure.retry_after + _RANDOM.uniform(0, longest)
        if (
            self._failures > self._patience.retries
            or failure.retry_after > _LONGEST_RETRY_AFTER_S
            or time.monotonic() + pause > self._end
        ):
            raise self._given_up(failure.error)
        self._waits += 1
        time.sleep(pause)

    def _given_up(self, error: PedigreeError) -> PedigreeError:
        if self._write is None or not self._may_be_done:
            return error
        unknown = OutcomeUnknownError(
            f"{self._write} may be done, or may still be in progress: {error.message}",
            field=error.field,
            value=error.value,
            remedy="Look whether it was done before you repeat it",
        )
        unknown.__cause__ = error
        return unknown
