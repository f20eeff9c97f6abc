"""Requests to a service, with retries and typed errors."""

import os
import secrets
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, NamedTuple
from uuid import uuid4

from pydantic import SecretStr
from pydantic_core import to_json

from pedigree.client._problems import error_of
from pedigree.contract.paths import PREFIX
from pedigree.delivery.backoff import retry_after
from pedigree.distribution import own_version
from pedigree.errors import (
    InvalidInputError,
    PedigreeError,
    RequestInFlightError,
    ServiceUnavailableError,
)
from pedigree.tracing import pass_on

if TYPE_CHECKING:
    import httpx2

Query = Mapping[str, Any]

# Load or a restart: the same request may succeed a little later.
_TRANSIENT = frozenset({429, 502, 503, 504})
# The longest pause before the first retry, which doubles with each retry, and its maximum.
_SHORTEST_S, _LONGEST_S = 0.1, 5.0
# If the service asks for a longer pause than this, the error is raised instead.
_LONGEST_RETRY_AFTER_S = 60.0
_RANDOM = secrets.SystemRandom()


class Patience(NamedTuple):
    """Timeouts and retries of requests to a service."""

    timeout: float
    """Seconds for a connection, and for each chunk of an answer."""
    retries: int
    """The number of retries of a request."""


class Connection:
    """The connections to one service; threads may share it, and it works after a fork."""

    def __init__(self, url: str, token: SecretStr | None, patience: Patience) -> None:
        self.url = _service_url(url)
        self._token = token
        self._patience = patience
        self._clients: dict[int, httpx2.Client] = {}  # by process

    def close(self) -> None:
        """Close the connections."""
        client = self._clients.pop(os.getpid(), None)
        if client is not None:
            client.close()

    def get(self, path: str, /, **query: Any) -> bytes:
        """Return the body of the answer; parameters that are None are left out of the query."""
        params = _without_none(query)
        return self._with_retries(lambda: self._client.get(path, params=params)).content

    def write(self, method: str, path: str, body: object = None, /, **query: Any) -> bytes:
        """Send a write, which is done only once even if it is retried; return its answer."""
        headers = {"Idempotency-Key": uuid4().hex}
        content = None
        if body is not None:
            headers["Content-Type"], content = "application/json", to_json(body)

        def send() -> "httpx2.Response":
            return self._client.request(
                method, path, params=_without_none(query), content=content, headers=headers
            )

        return self._with_retries(send).content

    def put(self, url: str, content: Callable[[], Iterator[bytes] | bytes], size: int) -> None:
        """Send a file's bytes to the service or to a URL of its store; this may be retried.

        Args:
            url: A path of the service, or the URL of a store, which gets no token.
            content: Returns the bytes, again for each attempt.
            size: The number of bytes.
        """
        headers = {"Content-Length": str(size), "Content-Type": "application/octet-stream"}
        if "://" in url:  # Azure's name for an ordinary object; other stores ignore it
            headers["x-ms-blob-type"] = "BlockBlob"

        def send() -> "httpx2.Response":
            request = self._client.build_request("PUT", url, content=content(), headers=headers)
            if "://" in url:
                request.headers.pop("Authorization", None)
            return self._client.send(request)

        self._with_retries(send)

    def stream(self, path: str, *, start: int = 0) -> Iterator[bytes]:
        """Yield the bytes at a path from an offset; resumes where a connection was lost."""
        place, attempt = start, 0
        while True:
            try:
                with self._opened(path, place) as answer:
                    for chunk in answer.iter_raw():
                        place, attempt = place + len(chunk), 0
                        yield chunk
                    return
            except _transient_errors() as error:
                self._wait(attempt, self._failure(error))
                attempt += 1

    @contextmanager
    def _opened(self, path: str, start: int) -> "Iterator[httpx2.Response]":
        headers = {"Accept-Encoding": "identity"}
        if start:
            headers["Range"] = f"bytes={start}-"
        with self._client.stream("GET", path, headers=headers, follow_redirects=True) as answer:
            if not answer.is_success:
                answer.read()
                raise _error_of_answer(answer)
            if start and answer.status_code != 206:
                raise ServiceUnavailableError(
                    f"{answer.request.url.host} cannot resume from byte {start}",
                    remedy="Pull into an empty folder",
                )
            yield answer

    def _with_retries(self, send: "Callable[[], httpx2.Response]") -> "httpx2.Response":
        attempt = 0
        while True:
            try:
                answer = send()
                if answer.is_success:
                    return answer
                raise _error_of_answer(answer)
            except _transient_errors() as failure:
                self._wait(attempt, self._failure(failure))
                attempt += 1

    def _failure(self, error: Exception) -> "_Unanswered":
        if isinstance(error, _Unanswered):
            return error
        # It may be a URL of the store, whose query is a secret.
        url = error.request.url  # type: ignore[attr-defined]
        unavailable = ServiceUnavailableError(
            f"there is no answer: {error or type(error).__name__}",
            field="url",
            value=f"{url.scheme}://{url.netloc.decode()}",
            remedy="Check that it runs and is reachable from here",
        )
        return _Unanswered(unavailable, None)

    def _wait(self, attempt: int, failure: "_Unanswered") -> None:
        """Wait before a retry, or raise the error.

        Raises:
            PedigreeError: There is no retry left, or the service asks for too long a pause.
        """
        if attempt >= self._patience.retries or failure.retry_after > _LONGEST_RETRY_AFTER_S:
            raise failure.error
        longest = min(_LONGEST_S, _SHORTEST_S * 2**attempt)
        # Random, so that clients that failed at once do not retry at once.
        time.sleep(failure.retry_after + _RANDOM.uniform(0, longest))

    @property
    def _client(self) -> "httpx2.Client":
        """The connections of this process; a forked process has its own."""
        current = self._clients.get(os.getpid())
        if current is None:
            new = self._new_client()
            # No lock, which a fork could leave locked; the first one of two threads wins.
            current = self._clients.setdefault(os.getpid(), new)
            if current is not new:
                new.close()
        return current

    def _new_client(self) -> "httpx2.Client":
        import httpx2  # noqa: PLC0415 -- takes a tenth of a second, and not every process needs it

        headers = {"User-Agent": f"pedigree/{own_version()}"}
        if self._token:
            headers["Authorization"] = f"Bearer {self._token.get_secret_value()}"
        return httpx2.Client(
            base_url=f"{self.url}{PREFIX}",
            headers=headers,
            timeout=self._patience.timeout,
            # The caller's trace continues in the service.
            event_hooks={"request": [self._pass_trace_on]},
        )

    def _pass_trace_on(self, request: "httpx2.Request") -> None:
        if str(request.url).startswith(self.url):  # not to a store
            pass_on(request.headers)


class _Unanswered(Exception):  # noqa: N818 -- never leaves this module
    """A request was not done, and may be retried."""

    def __init__(self, error: PedigreeError, answer: "httpx2.Response | None") -> None:
        self.error = error
        self.retry_after = 0.0
        if answer is not None:
            self.retry_after = retry_after(answer.headers.get("Retry-After", ""))
        super().__init__(str(error))


def _transient_errors() -> tuple[type[Exception], ...]:
    import httpx2  # noqa: PLC0415

    return httpx2.TransportError, _Unanswered


def _error_of_answer(answer: "httpx2.Response") -> Exception:
    """Return the error of an answer; a retryable one if it is transient."""
    error = error_of(answer)
    is_transient = answer.status_code in _TRANSIENT or isinstance(error, RequestInFlightError)
    return _Unanswered(error, answer) if is_transient else error


def _without_none(query: Query) -> dict[str, Any]:
    return {name: value for name, value in query.items() if value is not None}


def _service_url(url: str) -> str:
    if not url.startswith(("http://", "https://")):
        raise InvalidInputError(
            "is not the URL of a service",
            field="url",
            value=url,
            remedy="Write https://registry.example.com",
        )
    return url.rstrip("/").removesuffix(PREFIX)
