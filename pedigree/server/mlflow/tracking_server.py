"""The tracking server that requests are passed on to: connections, limits, and what it fails by."""

import asyncio
import base64
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx2
from starlette.requests import Request

from pedigree.errors import ServiceBusyError, ServiceUnavailableError
from pedigree.server.mlflow.passing_on_headers import Headers
from pedigree.settings import Settings

_LOG = logging.getLogger(__name__)

_CONNECT_S = 5.0
_LONGEST_WAIT_S = 10.0
_IDLE_S = 30.0
_READS = frozenset({"GET", "HEAD"})


@asynccontextmanager
async def tracking_server(settings: Settings) -> "AsyncIterator[TrackingUpstream | None]":
    """Yield the server that the settings name; None if nothing is passed on."""
    if not settings.mlflow_proxy or settings.mlflow_upstream is None:
        yield None
        return
    secret = settings.mlflow_upstream_credential
    server = TrackingUpstream(
        settings.mlflow_upstream,
        _authorization(secret.get_secret_value()) if secret else "",
        settings.mlflow_proxy_timeout,
        settings.mlflow_proxy_requests,
    )
    try:
        yield server
    finally:
        await server.close()


class TrackingUpstream:
    """The connections of one process to the tracking server; use it inside one event loop.

    Args:
        url: The server, with the prefix of its paths if it has one.
        authorization: The service's credential there, as a header; empty if it has none.
        timeout: Seconds for each part of an answer.
        at_once: How many requests may be passed on at once; further ones wait.
    """

    def __init__(self, url: str, authorization: str, timeout: float, at_once: int) -> None:
        self._base = url.rstrip("/")
        self.authorization = authorization
        self._places = asyncio.Semaphore(at_once)
        self._client = httpx2.AsyncClient(
            timeout=httpx2.Timeout(timeout, connect=min(timeout, _CONNECT_S)),
            limits=httpx2.Limits(
                max_connections=at_once,
                max_keepalive_connections=at_once,
                keepalive_expiry=_IDLE_S,
            ),
            follow_redirects=False,
            # Neither a proxy nor a password of the environment.
            trust_env=False,
        )

    async def close(self) -> None:
        """Close the connections."""
        await self._client.aclose()

    async def ask(self, request: Request, path: str, headers: Headers) -> "TrackingAnswer":
        """Send a request with its body as a stream, and return the answer once it begins.

        Args:
            request: The request of the client, whose body nobody has read.
            path: The path to send it to.
            headers: The headers to send.

        Raises:
            ServiceUnavailableError: The server does not answer, refuses the service's credential,
                or leads elsewhere.
            ServiceBusyError: A write was not sent, because the server cannot be reached or too many
                requests wait.
        """
        await self._take()
        try:
            answer = await self._sent(request, path, headers)
        except BaseException:
            self._places.release()
            raise
        return TrackingAnswer(answer, self._places)

    async def _take(self) -> None:
        try:
            async with asyncio.timeout(_LONGEST_WAIT_S):
                await self._places.acquire()
        except TimeoutError:
            raise ServiceBusyError(
                "as many requests are passed on as this process passes on at once",
                remedy="Try again in a second",
            ) from None

    async def _sent(self, request: Request, path: str, headers: Headers) -> httpx2.Response:
        query = request.scope["query_string"].decode("latin-1")
        url = f"{self._base}{path}{'?' if query else ''}{query}"
        has_body = request.method not in _READS
        built = self._client.build_request(
            request.method, url, headers=headers, content=request.stream() if has_body else None
        )
        try:
            answer = await self._client.send(built, stream=True)
        except (httpx2.ConnectError, httpx2.ConnectTimeout, httpx2.PoolTimeout) as error:
            raise _not_sent(request.method, error) from error
        except httpx2.TransportError as error:
            raise _unavailable(type(error).__name__) from error
        if answer.is_redirect or answer.status_code == httpx2.codes.UNAUTHORIZED:
            await answer.aclose()
            why = "leads elsewhere" if answer.is_redirect else "refuses the service's credential"
            raise _unavailable(why)
        return answer


class TrackingAnswer:
    """An answer of the tracking server, whose bytes are read as the client takes them.

    Args:
        answer: The answer, of which only the head has been read.
        places: Where its place is given back.
    """

    def __init__(self, answer: httpx2.Response, places: asyncio.Semaphore) -> None:
        self._answer = answer
        self._places = places
        self._is_open = True

    @property
    def status(self) -> int:
        """The status."""
        return self._answer.status_code

    @property
    def headers(self) -> Headers:
        """The headers, as the server sent them."""
        return [(name, value) for name, value in self._answer.headers.multi_items()]

    async def content(self) -> AsyncIterator[bytes]:
        """Yield the bytes as they come, not decoded; and end the answer.

        Raises:
            ServiceUnavailableError: The server ended in mid-answer.
        """
        try:
            async for piece in self._answer.aiter_raw():
                yield piece
        except httpx2.TransportError as error:
            _LOG.warning(
                "the tracking server ended in mid-answer: %s",
                type(error).__name__,
                extra={"action": "tracking.lost"},
            )
            raise _unavailable(type(error).__name__) from error
        finally:
            await self.close()

    async def close(self) -> None:
        """End the answer, also if its bytes were not read."""
        if self._is_open:
            self._is_open = False
            self._places.release()
            await self._answer.aclose()


def _authorization(credential: str) -> str:
    """Return a header of a credential: a token, or a user with a password."""
    if ":" not in credential:
        return f"Bearer {credential}"
    return f"Basic {base64.b64encode(credential.encode()).decode()}"


def _not_sent(method: str, error: Exception) -> ServiceUnavailableError | ServiceBusyError:
    """Return the error of a request that the server cannot have seen.

    MLflow's clients repeat each request that fails by 503, but a write only after 429, which says
    that nothing was done.
    """
    if method in _READS:
        return _unavailable(type(error).__name__)
    return ServiceBusyError(
        "the tracking server cannot be reached; nothing was written", remedy="Try again"
    )


def _unavailable(why: str) -> ServiceUnavailableError:
    return ServiceUnavailableError(
        f"the tracking server does not answer: {why}",
        remedy="Try again; the registry itself answers meanwhile",
    )
