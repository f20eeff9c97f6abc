"""Requests to a server of MLflow: JSON over HTTP, with limits of time and size."""

import json
import time
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple, Self
from urllib.parse import quote

import httpx2
from pydantic import SecretStr

from pedigree.delivery.backoff import retry_after
from pedigree.errors import InvalidInputError, OriginRefusedError, OriginUnavailableError
from pedigree.untrusted.documents import DocumentError, parsed_json

API = "/api/2.0/mlflow"
ARTIFACTS = "/api/2.0/mlflow-artifacts/artifacts"

# A page of versions with the longest tags is some megabytes long.
_LARGEST_ANSWER = 256 << 20
_TIMEOUT = httpx2.Timeout(60.0, connect=10.0)
_TRANSIENT = frozenset({408, 425, 429, 500, 502, 503, 504})
# The pauses in seconds before a read is repeated.
_PAUSES = (0.2, 1.0, 5.0)
_MOST_PAUSE_S = 30.0
_MOST_TEXT = 500


class MlflowLogin(NamedTuple):
    """The credentials for a server of MLflow, of which one or none is given."""

    token: SecretStr | None = None
    username: str | None = None
    password: SecretStr | None = None


class ApiRefusal(NamedTuple):
    """An answer of MLflow other than 200."""

    status: int
    code: str
    message: str


class ApiRefusedError(OriginRefusedError):
    """MLflow refuses a request; private, callers compare the code."""

    def __init__(self, refusal: ApiRefusal, what: str) -> None:
        self.refusal = refusal
        super().__init__(
            f"MLflow answers {what} with {refusal.status} {refusal.code}: {refusal.message}",
            remedy="Look at the log of the MLflow server",
        )


class MlflowApi:
    """A server of MLflow.

    Args:
        uri: Its URL, such as ``http://mlflow:5000``.
        login: The credentials.

    Raises:
        InvalidInputError: The URL is not one of HTTP.
    """

    def __init__(self, uri: str, login: MlflowLogin = MlflowLogin()) -> None:  # noqa: B008
        try:
            url = httpx2.URL(uri)
        except httpx2.InvalidURL as error:
            raise _no_url(uri) from error
        if url.scheme not in {"http", "https"} or not url.host:
            raise _no_url(uri)
        self.uri = str(url.copy_with(userinfo=b"", query=None, fragment=None)).rstrip("/")
        self._client = httpx2.Client(
            auth=_basic(url, login),
            headers=_bearer(login),
            timeout=_TIMEOUT,
            follow_redirects=False,
        )

    def close(self) -> None:
        """Close the connections."""
        self._client.close()

    def __enter__(self) -> Self:
        """Return it."""
        return self

    def __exit__(self, *of_error: object) -> None:
        """Close the connections."""
        self.close()

    def get(self, route: str, **parameters: object) -> dict[str, Any]:
        """Return an answer; a read that fails is repeated.

        Raises:
            ApiRefusedError: MLflow refuses it.
            OriginUnavailableError: It does not answer.
        """
        given = {name: value for name, value in parameters.items() if value is not None}
        for pause in _PAUSES:
            try:
                return self._sent("GET", route, params=given)
            except _TransientError as error:
                time.sleep(min(max(pause, error.asked), _MOST_PAUSE_S))
        return self._sent("GET", route, params=given)

    def send(self, method: str, route: str, **body: object) -> dict[str, Any]:
        """Send one write, once.

        Raises:
            ApiRefusedError: MLflow refuses it.
            OriginUnavailableError: It does not answer, so the write may be done.
        """
        return self._sent(method, route, body=body)

    def chunks(self, route: str) -> Iterator[bytes]:
        """Yield the bytes of a file.

        Raises:
            ApiRefusedError: MLflow refuses it.
            OriginUnavailableError: It does not answer.
        """
        try:
            with self._client.stream("GET", f"{self.uri}{route}") as answer:
                if answer.status_code != httpx2.codes.OK:
                    raise _refused(answer, f"GET {route}", answer.read()[:_LARGEST_ANSWER])
                yield from answer.iter_raw()
        except httpx2.TransportError as error:
            raise self._unavailable(str(error)) from error

    def put(self, route: str, chunks: Iterator[bytes], size: int) -> None:
        """Send the bytes of a file.

        Raises:
            ApiRefusedError: MLflow refuses it.
            OriginUnavailableError: It does not answer.
        """
        headers = {"Content-Length": str(size), "Content-Type": "application/octet-stream"}
        try:
            answer = self._client.put(f"{self.uri}{route}", content=chunks, headers=headers)
        except httpx2.TransportError as error:
            raise self._unavailable(str(error)) from error
        if answer.status_code != httpx2.codes.OK:
            raise _refused(answer, f"PUT {route}", answer.content)

    def _sent(
        self, method: str, route: str, *, params: Mapping[str, Any] | None = None, body: Any = None
    ) -> dict[str, Any]:
        try:
            with self._client.stream(
                method, f"{self.uri}{route}", params=params, json=body
            ) as answer:
                content = _content(answer)
        except httpx2.TransportError as error:
            raise self._unavailable(str(error) or type(error).__name__) from error
        if answer.status_code in _TRANSIENT:
            raise _TransientError(
                f"MLflow answers {method} {route} with status {answer.status_code}",
                retry_after(answer.headers.get("Retry-After", "")),
            )
        if answer.status_code != httpx2.codes.OK:
            raise _refused(answer, f"{method} {route}", content)
        return _object(content, route)

    def _unavailable(self, reason: str) -> OriginUnavailableError:
        return _TransientError(f"{self.uri} does not answer: {reason}", 0.0)


class MlflowArtifacts:
    """Reads the artifacts that a server proxies, as :class:`ArtifactReader` asks for them."""

    def __init__(self, api: MlflowApi) -> None:
        self.uri = api.uri
        self._api = api

    def listed(self, path: str) -> bytes:
        """Return the JSON of the list of a folder."""
        return json.dumps(self._api.get(ARTIFACTS, path=path)).encode()

    def chunks(self, path: str) -> Iterator[bytes]:
        """Yield the bytes of a file."""
        return self._api.chunks(f"{ARTIFACTS}/{quote(path)}")


class _TransientError(OriginUnavailableError):
    """A failure after which a read is repeated."""

    def __init__(self, message: str, asked: float) -> None:
        self.asked = asked
        super().__init__(message, remedy="Run it again: it goes on where it stopped")


def _content(answer: httpx2.Response) -> bytes:
    read = bytearray()
    for chunk in answer.iter_bytes():
        read += chunk
        if len(read) > _LARGEST_ANSWER:
            raise OriginRefusedError(f"an answer has more than {_LARGEST_ANSWER} bytes")
    return bytes(read)


def _object(content: bytes, route: str) -> dict[str, Any]:
    try:
        found = parsed_json(content)
    except DocumentError as error:
        raise _no_json(route) from error
    if not isinstance(found, dict):
        raise _no_json(route)
    return found


def _no_json(route: str) -> OriginRefusedError:
    return OriginRefusedError(
        f"the answer to {route} is not a JSON object",
        remedy="Name the URL of an MLflow server, without a path to its pages",
    )


def _refused(answer: httpx2.Response, what: str, content: bytes) -> ApiRefusedError:
    try:
        found = parsed_json(content)
    except DocumentError:
        found = None
    stated = found if isinstance(found, dict) else {}
    return ApiRefusedError(
        ApiRefusal(
            answer.status_code,
            str(stated.get("error_code", answer.reason_phrase)),
            str(stated.get("message", ""))[:_MOST_TEXT],
        ),
        what,
    )


def _basic(url: httpx2.URL, login: MlflowLogin) -> tuple[str, str] | None:
    if url.username:
        return url.username, url.password
    if login.token is None and login.username is not None:
        return login.username, login.password.get_secret_value() if login.password else ""
    return None


def _bearer(login: MlflowLogin) -> dict[str, str]:
    return {"Authorization": f"Bearer {login.token.get_secret_value()}"} if login.token else {}


def _no_url(uri: str) -> InvalidInputError:
    return InvalidInputError(
        "is not the URL of an MLflow server",
        field="URI",
        value=uri.rpartition("@")[2],
        remedy="Write such as http://mlflow.example.com:5000",
    )
