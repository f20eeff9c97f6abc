"""Requests to a service: sent again where that helps, told as typed errors where they fail."""

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

# Load or a restart: the same may be answered otherwise a little later.
_PASSING = frozenset({429, 502, 503, 504})
# The pause before a request is sent again grows from the one to the other, each up to so long.
_SHORTEST_S, _LONGEST_S = 0.1, 5.0
# A service that asks for more patience than this is told of instead.
_MOST_PATIENCE_S = 60.0
_RANDOM = secrets.SystemRandom()


class Patience(NamedTuple):
    """How long to wait for a service."""

    timeout: float
    """Seconds for a connection, and for each piece of an answer."""
    retries: int
    """How often a request is sent again."""


class Connection:
    """The connections to one service; may be shared between threads, and used after a fork."""

    def __init__(self, url: str, token: SecretStr | None, patience: Patience) -> None:
        self.url = _service_url(url)
        self._token = token
        self._patience = patience
        self._made: dict[int, httpx2.Client] = {}  # by process

    def close(self) -> None:
        """Close the connections."""
        made = self._made.pop(os.getpid(), None)
        if made is not None:
            made.close()

    def get(self, path: str, /, **query: Any) -> bytes:
        """Return what a service answers; what is None is left out of the query."""
        return self._patiently(lambda: self._client.get(path, params=_known(query))).content

    def write(self, method: str, path: str, body: object = None, /, **query: Any) -> bytes:
        """Send a write, which is done once however often it is sent; return its answer."""
        headers = {"Idempotency-Key": uuid4().hex}
        content = None
        if body is not None:
            headers["Content-Type"], content = "application/json", to_json(body)

        def send() -> "httpx2.Response":
            return self._client.request(
                method, path, params=_known(query), content=content, headers=headers
            )

        return self._patiently(send).content

    def put(self, url: str, content: Callable[[], Iterator[bytes] | bytes], size: int) -> None:
        """Put a file's bytes, at the service or where it said; sent again they change nothing.

        Args:
            url: A path of the service, or the URL of a store, which is given no token.
            content: Gives the bytes, anew for each time.
            size: How many there are.
        """
        headers = {"Content-Length": str(size), "Content-Type": "application/octet-stream"}
        if "://" in url:  # Azure's name for an ordinary object; others pass it by
            headers["x-ms-blob-type"] = "BlockBlob"

        def send() -> "httpx2.Response":
            request = self._client.build_request("PUT", url, content=content(), headers=headers)
            if "://" in url:
                request.headers.pop("Authorization", None)
            return self._client.send(request)

        self._patiently(send)

    def stream(self, path: str, *, start: int = 0) -> Iterator[bytes]:
        """Give the bytes at a path, from a place on; goes on where the connection was lost."""
        place, tried = start, 0
        while True:
            try:
                with self._opened(path, place) as answer:
                    for piece in answer.iter_raw():
                        place, tried = place + len(piece), 0
                        yield piece
                    return
            except _passing_errors() as error:
                self._wait(tried, self._failure(error))
                tried += 1

    @contextmanager
    def _opened(self, path: str, start: int) -> "Iterator[httpx2.Response]":
        headers = {"Accept-Encoding": "identity"}
        if start:
            headers["Range"] = f"bytes={start}-"
        with self._client.stream("GET", path, headers=headers, follow_redirects=True) as answer:
            if not answer.is_success:
                answer.read()
                raise _refusal(answer)
            if start and answer.status_code != 206:
                raise ServiceUnavailableError(
                    f"{answer.request.url.host} does not go on from byte {start}",
                    remedy="Pull into an empty folder",
                )
            yield answer

    def _patiently(self, send: "Callable[[], httpx2.Response]") -> "httpx2.Response":
        tried = 0
        while True:
            try:
                answer = send()
                if answer.is_success:
                    return answer
                raise _refusal(answer)
            except _passing_errors() as failure:
                self._wait(tried, self._failure(failure))
                tried += 1

    def _failure(self, error: Exception) -> "_Unanswered":
        if isinstance(error, _Unanswered):
            return error
        # It may be the store, to which the service leads. Its URL's query is a secret.
        asked = error.request.url  # type: ignore[attr-defined]
        told = ServiceUnavailableError(
            f"there is no answer: {error or type(error).__name__}",
            field="url",
            value=f"{asked.scheme}://{asked.netloc.decode()}",
            remedy="See that it runs and can be reached from here",
        )
        return _Unanswered(told, None)

    def _wait(self, tried: int, failure: "_Unanswered") -> None:
        """Wait before a request is sent again; raise its error where that is not to be.

        Raises:
            PedigreeError: It was sent often enough, or the service asks for too much patience.
        """
        if tried >= self._patience.retries or failure.patience > _MOST_PATIENCE_S:
            raise failure.error
        longest = min(_LONGEST_S, _SHORTEST_S * 2**tried)
        # Each waits for another time, so that those who failed together do not return together.
        time.sleep(failure.patience + _RANDOM.uniform(0, longest))

    @property
    def _client(self) -> "httpx2.Client":
        """The connections of this process; those of the one it was forked from stay that one's."""
        known = self._made.get(os.getpid())
        if known is None:
            made = self._connected()
            # No lock, which a fork could leave locked; of two threads the first one counts.
            known = self._made.setdefault(os.getpid(), made)
            if known is not made:
                made.close()
        return known

    def _connected(self) -> "httpx2.Client":
        import httpx2  # noqa: PLC0415 -- takes a tenth of a second, and not everybody has a service

        headers = {"User-Agent": f"pedigree/{own_version()}"}
        if self._token:
            headers["Authorization"] = f"Bearer {self._token.get_secret_value()}"
        return httpx2.Client(
            base_url=f"{self.url}{PREFIX}",
            headers=headers,
            timeout=self._patience.timeout,
            # A caller's trace goes on in the service.
            event_hooks={"request": [self._pass_trace_on]},
        )

    def _pass_trace_on(self, request: "httpx2.Request") -> None:
        if str(request.url).startswith(self.url):  # not to a store
            pass_on(request.headers)


class _Unanswered(Exception):  # noqa: N818 -- never leaves this module
    """A request was not done, and may be sent again."""

    def __init__(self, error: PedigreeError, answer: "httpx2.Response | None") -> None:
        self.error = error
        self.patience = 0.0
        if answer is not None:
            self.patience = retry_after(answer.headers.get("Retry-After", ""))
        super().__init__(str(error))


def _passing_errors() -> tuple[type[Exception], ...]:
    import httpx2  # noqa: PLC0415

    return httpx2.TransportError, _Unanswered


def _refusal(answer: "httpx2.Response") -> Exception:
    """Return the error of an answer; one to try again by where it will pass."""
    error = error_of(answer)
    passes = answer.status_code in _PASSING or isinstance(error, RequestInFlightError)
    return _Unanswered(error, answer) if passes else error


def _known(query: Query) -> dict[str, Any]:
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
