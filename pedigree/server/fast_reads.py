"""A fast path for reads: the framework's work around a read costs more than the read itself.

It serves endpoints that take only path and query parameters, and requests that are valid. All
other requests go through the framework, which reports what is wrong with them; so does a read
that raises an error other than a `PedigreeError`.
"""

from asyncio import get_running_loop
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextvars import copy_context
from functools import partial
from inspect import Parameter, iscoroutinefunction, signature
from typing import Any, NamedTuple, Self, cast, get_args, get_origin, get_type_hints

from fastapi.params import Query
from pydantic import BeforeValidator, TypeAdapter, ValidationError
from starlette.datastructures import QueryParams
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route
from starlette.types import ASGIApp, Receive, Scope, Send

from pedigree.errors import PedigreeError
from pedigree.server.fast_routes import FastRoutes, path_arguments
from pedigree.server.http.auth import Authenticator, ProtectedRoute
from pedigree.server.http.fair_use import FairUse
from pedigree.server.http.inputs import is_text
from pedigree.server.http.parameters import IfNoneMatch
from pedigree.server.http.problems import known_problem
from pedigree.server.http.reads import ReadRequest
from pedigree.server.http.requests import ReadCall

_ETAGS = TypeAdapter[str | None](IfNoneMatch)
# A read with a body goes through the framework.
_BODY_HEADERS = frozenset({b"content-length", b"transfer-encoding"})


class _QueryParameter(NamedTuple):
    """A query parameter, as an endpoint declares it."""

    adapter: TypeAdapter[Any]
    default: object
    is_list: bool

    @classmethod
    def of(cls, kind: Any, default: object) -> Self | None:
        """Return the parameter that a type with ``Query`` declares; None for any other type."""
        declared: tuple[Any, ...] = getattr(kind, "__metadata__", ())
        query, *validators = declared or (None,)
        if not isinstance(query, Query) or query.alias is not None:
            return None
        if any(not isinstance(each, BeforeValidator) for each in validators):
            return None
        bare = get_args(kind)[0]
        origins: list[Any] = [get_origin(each) for each in (bare, *get_args(bare))]
        return cls(TypeAdapter(kind), default, list in origins)

    def value_in(self, query: QueryParams, name: str) -> Any:
        """Return the value for the endpoint.

        Raises:
            ValidationError: The value is invalid, or missing though it is required.
        """
        if name not in query:
            required = self.default is Parameter.empty
            return self.adapter.validate_python(None) if required else self.default
        return self.adapter.validate_python(query.getlist(name) if self.is_list else query[name])


class FastRead(NamedTuple):
    """A route whose endpoint can be called without the framework."""

    route: ProtectedRoute
    endpoint: Callable[..., Response | Awaitable[Response]]
    path_parameters: Mapping[str, TypeAdapter[Any]]
    query_parameters: Mapping[str, _QueryParameter]
    is_on_loop: bool

    @classmethod
    def of(cls, route: Route) -> Self | None:
        """Return a route's endpoint with its parameters; None if it takes other parameters."""
        if not isinstance(route, ProtectedRoute):
            return None
        taken = get_type_hints(route.endpoint, include_extras=True)
        if taken.pop("return", None) is not Response or taken.pop("call", None) != ReadCall:
            return None
        if not route.param_convertors.keys() <= taken.keys():
            return None
        parts = {name: TypeAdapter(taken.pop(name)) for name in route.param_convertors}
        defaults = signature(route.endpoint).parameters
        query = {
            name: _QueryParameter.of(kind, defaults[name].default) for name, kind in taken.items()
        }
        supported = {name: value for name, value in query.items() if value}
        if supported.keys() != query.keys():
            return None
        return cls(route, route.endpoint, parts, supported, iscoroutinefunction(route.endpoint))

    def query_arguments(self, query: bytes) -> dict[str, Any] | None:
        """Return the endpoint's arguments from the query; None if it has unknown parameters.

        Raises:
            ValidationError: One of them is invalid.
        """
        if not query and not self.query_parameters:
            return {}
        found = QueryParams(query)
        if query and not (self.route.query and self.route.query.has(found)):
            return None
        return {
            name: parameter.value_in(found, name)
            for name, parameter in self.query_parameters.items()
        }

    async def answer(
        self, request: Request, etags: str | None, given: Mapping[str, Any]
    ) -> Response:
        """Authenticate the caller and call the endpoint."""
        authenticator: Authenticator = request.app.state.authenticator
        fair_use: FairUse = request.app.state.fair_use
        async with authenticator:
            request.state.admit = partial(authenticator.admit, request, self.route.declared)
            caller = request.state.caller = await request.state.admit()
        share = fair_use.share(caller.principal.name, self.route.declared.use)
        async with share, authenticator:
            if self.is_on_loop:
                answered = self.endpoint(ReadRequest(request, etags), **given)
                return await cast("Awaitable[Response]", answered)
            # Not in the framework's threads: handing over to one costs half of such a read.
            endpoint = cast("Callable[..., Response]", self.endpoint)
            work = partial(copy_context().run, endpoint, ReadRequest(request, etags), **given)
            return await get_running_loop().run_in_executor(request.app.state.readers, work)


class FastReadMiddleware:
    """An application that answers reads on a fast path in front of another one.

    Args:
        app: The application that answers everything else.
        routes: Its routes.
    """

    def __init__(self, app: ASGIApp, routes: Sequence[BaseRoute]) -> None:
        self._app = app
        self._reads = FastRoutes(routes, "GET", FastRead.of)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        found = self._find(scope)
        if found is None:
            await self._app(scope, receive, send)
            return
        read, etags, given = found
        request = Request(scope, receive, send)
        try:
            response = await read.answer(request, etags, given)
        except PedigreeError as error:
            response = await known_problem(request, error)
        except Exception:  # the framework retries it, and logs and answers a second failure
            await self._app(scope, receive, send)
            return
        await response(scope, receive, send)

    def _find(self, scope: Scope) -> tuple[FastRead, str | None, dict[str, Any]] | None:
        """Return the requested read with its arguments, if the request is valid."""
        if scope["type"] != "http" or scope["method"] != "GET" or scope.get("root_path"):
            return None
        if not is_text(scope["query_string"]) or not is_text(scope.get("raw_path") or b""):
            return None
        read, parts = self._reads.at(scope["path"])
        headers = dict(reversed(scope["headers"]))  # the first of several wins
        if read is None or headers.keys() & _BODY_HEADERS:
            return None
        etags = headers.get(b"if-none-match")
        try:
            known = None if etags is None else _ETAGS.validate_python(etags.decode("latin-1"))
            given = path_arguments(read.path_parameters, parts)
            query = read.query_arguments(scope["query_string"])
        except ValidationError:
            return None
        if query is None:
            return None
        scope.update(path_params=given, route=read.route, endpoint=read.endpoint)
        return read, known, given | query
