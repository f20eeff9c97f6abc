"""Requests to a service, with retries and typed errors."""

import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from pydantic_core import to_json

from pedigree.client._attempts import Attempts, Patience, Unanswered, error_or_retry, lost
from pedigree.client._log_memory import HEADER, LogMemory
from pedigree.client._problems import error_of
from pedigree.contract.forms import DOCUMENT
from pedigree.contract.paths import PREFIX
from pedigree.distribution import own_version
from pedigree.errors import InvalidInputError, ServiceUnavailableError
from pedigree.tracing import pass_on

if TYPE_CHECKING:
    import httpx2

Query = Mapping[str, Any]

_BINARY = "application/octet-stream"


class Connection:
    """The connections to one service; threads may share it, and it works after a fork.

    Args:
        url: The service.
        find_token: Returns the token of a request; None without one.
        patience: How often and how long a request is tried.
    """

    def __init__(self, url: str, find_token: Callable[[], str] | None, patience: Patience) -> None:
        self.url = service_url(url)
        self._find_token = find_token
        self._patience = patience
        self._memory: LogMemory | None = None
        self._clients: dict[int, httpx2.Client] = {}  # by process

    def remember_log(self, folder: Path) -> None:
        """Compare the service's audit log with what this machine saw, before each request.

        Args:
            folder: Where the states of logs are kept.
        """
        self._memory = LogMemory(folder, self.url, self._fetch)

    def _fetch(self, path: str) -> bytes:
        """Return the body at a path of the service that is not part of its API."""
        try:
            answer = self._client.get(f"{self.url}{path}", timeout=self._patience.timeout)
        except _transient_errors() as error:
            raise ServiceUnavailableError(f"{self.url} does not answer") from error
        if not answer.is_success:
            raise error_of(answer)
        return answer.content

    def close(self) -> None:
        """Close the connections."""
        client = self._clients.pop(os.getpid(), None)
        if client is not None:
            client.close()

    def get(self, path: str, /, **query: Any) -> bytes:
        """Return the body of the answer; parameters that are None are left out of the query."""
        params = _without_none(query)

        def send(timeout: float) -> "httpx2.Response":
            return self._client.get(path, params=params, timeout=timeout)

        return self._with_retries(send).content

    def write(self, method: str, path: str, body: object = None, /, **query: Any) -> bytes:
        """Send a write, which is done only once even if it is retried; return its answer.

        Raises:
            OutcomeUnknownError: There is no answer within the deadline, and it may be done.
        """
        content = None if body is None else to_json(body)
        headers = {} if body is None else {"Content-Type": "application/json"}
        return self._write(method, path, headers, content=content, params=_without_none(query))

    def write_form(self, path: str, document: object, files: Mapping[str, bytes]) -> bytes:
        """Send a JSON document with small files as one write, as :meth:`write` does.

        Raises:
            OutcomeUnknownError: There is no answer within the deadline, and it may be done.
        """
        parts = {digest: (None, content, _BINARY) for digest, content in files.items()}
        form = {DOCUMENT: (None, to_json(document), "application/json"), **parts}
        return self._write("POST", path, {}, files=form)

    def _write(self, method: str, path: str, headers: dict[str, str], **content: Any) -> bytes:
        keyed = {**headers, "Idempotency-Key": uuid4().hex}

        def send(timeout: float) -> "httpx2.Response":
            return self._client.request(method, path, headers=keyed, timeout=timeout, **content)

        return self._with_retries(send, f"{method} {PREFIX}{path}").content

    def put(self, url: str, content: Callable[[], Iterator[bytes] | bytes], size: int) -> None:
        """Send a file's bytes to the service or to a URL of its store; this may be retried.

        Args:
            url: A path of the service, or the URL of a store, which gets no token.
            content: Returns the bytes, again for each attempt.
            size: The number of bytes.
        """
        headers = {"Content-Length": str(size), "Content-Type": _BINARY}
        if "://" in url:  # Azure's name for an ordinary object; other stores ignore it
            headers["x-ms-blob-type"] = "BlockBlob"

        def send(timeout: float) -> "httpx2.Response":
            return self._client.put(url, content=content(), headers=headers, timeout=timeout)

        self._with_retries(send)

    def stream(self, path: str, *, start: int = 0) -> Iterator[bytes]:
        """Yield the bytes at a path from an offset; resumes where a connection was lost."""
        if self._memory:
            self._memory.require_sound()
        place, attempts = start, Attempts(self._patience)
        while True:
            try:
                with self._opened(path, place) as answer:
                    for chunk in answer.iter_raw():
                        place += len(chunk)
                        attempts.restart()
                        yield chunk
                    return
            except _transient_errors() as error:
                attempts.wait(_unanswered(error))

    @contextmanager
    def _opened(self, path: str, start: int) -> "Iterator[httpx2.Response]":
        headers = {"Accept-Encoding": "identity"}
        if start:
            headers["Range"] = f"bytes={start}-"
        with self._client.stream("GET", path, headers=headers, follow_redirects=True) as answer:
            if not answer.is_success:
                answer.read()
                raise error_or_retry(error_of(answer), answer)
            if start and answer.status_code != 206:
                raise ServiceUnavailableError(
                    f"{answer.request.url.host} cannot resume from byte {start}",
                    remedy="Pull into an empty folder",
                )
            yield answer

    def _with_retries(
        self, send: "Callable[[float], httpx2.Response]", write: str | None = None
    ) -> "httpx2.Response":
        if self._memory:
            self._memory.require_sound()
        attempts = Attempts(self._patience, write)
        while True:
            try:
                answer = send(attempts.timeout)
                if answer.is_success:
                    self._note_log(answer)
                    return answer
                raise error_or_retry(error_of(answer), answer)
            except _transient_errors() as error:
                attempts.wait(_unanswered(error))

    def _note_log(self, answer: "httpx2.Response") -> None:
        if self._memory and str(answer.request.url).startswith(self.url):  # not of a store
            self._memory.note_announced(answer.headers.get(HEADER))

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

        service = httpx2.URL(self.url)

        def identify(request: "httpx2.Request") -> None:
            """Add the caller's trace and token, but not for a store, also after a redirect."""
            if _origin(request.url) != _origin(service):
                request.headers.pop("Authorization", None)
                return
            pass_on(request.headers)
            if self._find_token is not None:
                request.headers["Authorization"] = f"Bearer {self._find_token()}"

        return httpx2.Client(
            base_url=f"{self.url}{PREFIX}",
            headers={"User-Agent": f"pedigree/{own_version()}"},
            timeout=self._patience.timeout,
            event_hooks={"request": [identify]},
        )


def _transient_errors() -> tuple[type[Exception], ...]:
    import httpx2  # noqa: PLC0415

    return httpx2.TransportError, Unanswered


def _unanswered(error: Exception) -> Unanswered:
    return error if isinstance(error, Unanswered) else lost(error)  # type: ignore[arg-type]


def _without_none(query: Query) -> dict[str, Any]:
    return {name: value for name, value in query.items() if value is not None}


def _origin(url: "httpx2.URL") -> tuple[str, str, int | None]:
    return url.scheme, url.host, url.port


def service_url(url: str) -> str:
    """Return the URL of a service without the prefix of its paths.

    Raises:
        InvalidInputError: It is not the URL of a service.
    """
    if not url.startswith(("http://", "https://")):
        raise InvalidInputError(
            "is not the URL of a service",
            field="url",
            value=url,
            remedy="Write https://registry.example.com",
        )
    return url.rstrip("/").removesuffix(PREFIX)
