"""Routes of MLflow's protocol: each declares its permission, and what its requests have.

A route answers without the framework's routing and dependencies: its path is known beforehand, and
its errors are made by :mod:`pedigree.server.mlflow.errors`.
"""

from asyncio import get_running_loop
from collections.abc import Awaitable, Callable, Mapping
from contextlib import AbstractAsyncContextManager, nullcontext
from contextvars import copy_context
from functools import partial
from inspect import iscoroutinefunction, signature
from typing import Any, TypeVar, cast, get_type_hints

from pydantic_core import to_json
from starlette.requests import Request
from starlette.responses import Response

from pedigree._record import Record
from pedigree.registry import Registry
from pedigree.server.http.auth import Authenticator, Caller, RouteAccess
from pedigree.server.http.bodies import Bodies, has_body
from pedigree.server.http.credentials import secret_or_password_of
from pedigree.server.http.fair_use import FairUse
from pedigree.server.http.inputs import require_text
from pedigree.server.http.named_routes import NamedRoute
from pedigree.server.mlflow.errors import error_answer
from pedigree.server.mlflow.fields import MlflowRequest
from pedigree.server.mlflow.requests import (
    read_request,
    require_default_workspace,
    require_own_site,
)
from pedigree.server.point_reads import PointReads

API = "/api/2.0/mlflow"
"""The prefix of the routes that clients use."""

AJAX = "/ajax-api/2.0/mlflow"
"""The prefix of the same routes that MLflow's own pages use."""

Answer = Record | Mapping[str, object] | bytes | Response | None
"""A record, an object, its JSON, a whole response, or nothing, which is an empty object."""

Endpoint = TypeVar("Endpoint", bound=Callable[..., Any])

_MEDIA_TYPE = "application/json"
_EMPTY = b"{}"


class MlflowCall:
    """A request as endpoints see it: the registry with the caller's permissions.

    Args:
        request: The request, with its whole body unless the route takes a stream.
        caller: Who sent it.
    """

    def __init__(self, request: Request, caller: Caller) -> None:
        self.request = request
        self.caller = caller

    @property
    def registry(self) -> Registry:
        """The registry with the caller's permissions."""
        return self.caller.registry

    @property
    def point_reads(self) -> PointReads:
        """The reads of one record, on the event loop."""
        reads: PointReads = self.request.app.state.point_reads
        return reads


class MlflowRoute(NamedRoute):
    """A route of MLflow's protocol, for one method and one path.

    Args:
        path: Its path.
        endpoint: Answers: a function of a call and its request, which runs in a thread, or a
            coroutine function of them, which runs on the event loop. The parts of the path that it
            names are further arguments.
        method: The method.
        name: Its name among all routes.

    Raises:
        TypeError: The endpoint is not marked by :func:`~pedigree.server.http.auth.requires`.
    """

    def __init__(self, path: str, endpoint: Callable[..., Any], method: str, name: str) -> None:
        declared = getattr(endpoint, "declared", None)
        if declared is None:
            raise TypeError(f"{endpoint.__qualname__} lacks a permission: mark it by @requires(…)")
        self.declared: RouteAccess = declared
        self.method = method
        self._work = endpoint
        self._is_on_loop = iscoroutinefunction(endpoint)
        self.takes = _request_of(endpoint)
        self._named = frozenset(signature(endpoint).parameters)
        super().__init__(path, self.answer, methods=[method], name=name)

    async def answer(self, request: Request) -> Response:
        """Answer one request, also one that is refused or fails."""
        known: list[MlflowRequest] = []
        try:
            return await self._guarded(request, known)
        except Exception as error:  # every error has MLflow's form
            return await error_answer(request, error, known[0] if known else None)

    async def _guarded(self, request: Request, known: list[MlflowRequest]) -> Response:
        state, declared = request.app.state, self.declared
        authenticator: Authenticator = state.authenticator
        bodies: Bodies = state.bodies
        fair_use: FairUse = state.fair_use
        # A stream may idle for long, so it does not count as a concurrent request.
        gate = nullcontext() if declared.streams else authenticator
        async with gate:
            admit = partial(authenticator.admit, request, declared, secret_or_password_of)
            request.state.admit = admit
            caller = request.state.caller = await admit()
        require_text(request)
        require_own_site(request)
        require_default_workspace(request)
        sender = caller.principal.name
        received: AbstractAsyncContextManager[Request] = nullcontext(request)
        if has_body(request):
            received = bodies.received(request, sender, streams=declared.streams)
        async with received as complete, fair_use.share(sender, declared.use), gate:
            call = MlflowCall(complete, caller)
            return await self._called(call, known)

    async def _called(self, call: MlflowCall, known: list[MlflowRequest]) -> Response:
        given: list[MlflowRequest] = []
        found = call.request.path_params
        parts = {name: found[name] for name in found.keys() & self._named}
        if self.takes is not None:
            body = await call.request.body() if has_body(call.request) else b""
            given = [read_request(self.takes, call.request, body)]
            known.extend(given)
            if given[0].is_about_model:
                _note_subject(call.request, given[0])
        if self._is_on_loop:
            work = cast("Callable[..., Awaitable[Answer]]", self._work)
            return _response(await work(call, *given, **parts))
        # Not in the framework's threads: handing over to one costs half of a read.
        answer = partial(copy_context().run, self._work, call, *given, **parts)
        readers = call.request.app.state.readers
        return _response(await get_running_loop().run_in_executor(readers, answer))


class MlflowRoutes:
    """The routes of one subject, each below both prefixes."""

    def __init__(self) -> None:
        self.routes: list[MlflowRoute] = []

    def get(self, path: str) -> Callable[[Endpoint], Endpoint]:
        """Declare a route that reads."""
        return self._method("GET", path)

    def post(self, path: str) -> Callable[[Endpoint], Endpoint]:
        """Declare a route of the method POST."""
        return self._method("POST", path)

    def patch(self, path: str) -> Callable[[Endpoint], Endpoint]:
        """Declare a route of the method PATCH."""
        return self._method("PATCH", path)

    def delete(self, path: str) -> Callable[[Endpoint], Endpoint]:
        """Declare a route of the method DELETE."""
        return self._method("DELETE", path)

    def at(self, method: str, path: str, name: str) -> Callable[[Endpoint], Endpoint]:
        """Declare a route at a whole path, which has no second prefix."""

        def add(endpoint: Endpoint) -> Endpoint:
            self.routes.append(MlflowRoute(path, endpoint, method, name))
            return endpoint

        return add

    def _method(self, method: str, path: str) -> Callable[[Endpoint], Endpoint]:
        def add(endpoint: Endpoint) -> Endpoint:
            name = endpoint.__name__
            for prefix, way in ((API, "mlflow"), (AJAX, "mlflow_ajax")):
                route = MlflowRoute(
                    f"{prefix}/{path}", endpoint, method, f"{way}_{name}_{method.lower()}"
                )
                self.routes.append(route)
            return endpoint

        return add


def _request_of(endpoint: Callable[..., Any]) -> type[MlflowRequest] | None:
    """Return the type of the request that an endpoint takes; None if it takes none."""
    kinds = get_type_hints(endpoint)
    taken = [kinds.get(name) for name in signature(endpoint).parameters]
    requests = [
        each for each in taken if isinstance(each, type) and issubclass(each, MlflowRequest)
    ]
    return requests[0] if requests else None


def _note_subject(request: Request, asked: MlflowRequest) -> None:
    """Let the log lines of a request name its model and version, as those of the API do."""
    about = {"name": getattr(asked, "name", None), "version": getattr(asked, "version", None)}
    parts = request.scope.get("path_params", {})
    request.scope["path_params"] = {**{k: v for k, v in about.items() if v is not None}, **parts}


def _response(answer: Answer) -> Response:
    if isinstance(answer, Response):
        return answer
    if answer is None:
        body = _EMPTY
    else:
        body = answer if isinstance(answer, bytes) else to_json(answer, exclude_none=True)
    return Response(body, media_type=_MEDIA_TYPE)
