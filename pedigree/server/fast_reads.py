"""Answer a read on a short way: what the framework does around it costs more than the read itself.

It is for endpoints that take nothing but parts of the path and parameters of the query, and for
requests in which nothing is to be refused. All others go the ordinary way, which says what is
wrong with them; and so does a read that fails by something else than an error of ours.
"""

import re
from asyncio import get_running_loop
from collections.abc import Callable, Mapping, Sequence
from contextvars import copy_context
from functools import partial
from inspect import Parameter, signature
from typing import Any, NamedTuple, Self, get_args, get_origin, get_type_hints

from fastapi.params import Query
from pydantic import BeforeValidator, TypeAdapter, ValidationError
from starlette.datastructures import QueryParams
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route
from starlette.types import ASGIApp, Receive, Scope, Send

from pedigree.errors import PedigreeError
from pedigree.server.http.auth import Authenticator, ProtectedRoute
from pedigree.server.http.parameters import IfNoneMatch
from pedigree.server.http.problems import known_problem
from pedigree.server.http.requests import ReadCall, ReadRequest

_ETAGS = TypeAdapter[str | None](IfNoneMatch)
# A read that brings a body is the framework's to judge.
_OF_BODIES = frozenset({b"content-length", b"transfer-encoding"})


class _Asked(NamedTuple):
    """A parameter of the query, as an endpoint declares it."""

    adapter: TypeAdapter[Any]
    default: object
    is_list: bool

    @classmethod
    def of(cls, kind: Any, default: object) -> Self | None:
        """Return what a type with ``Query`` declares; None where it is another one."""
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
        """Return what the endpoint is given.

        Raises:
            ValidationError: It does not fit, or is not there though it must be.
        """
        if name not in query:
            required = self.default is Parameter.empty
            return self.adapter.validate_python(None) if required else self.default
        return self.adapter.validate_python(query.getlist(name) if self.is_list else query[name])


class FastRead(NamedTuple):
    """A route whose endpoint can be called without the framework."""

    route: ProtectedRoute
    endpoint: Callable[..., Response]
    parts: Mapping[str, TypeAdapter[Any]]
    asked: Mapping[str, _Asked]

    @classmethod
    def of(cls, route: Route) -> Self | None:
        """Return a route's endpoint with what it takes; None where it takes something else."""
        if not isinstance(route, ProtectedRoute):
            return None
        taken = get_type_hints(route.endpoint, include_extras=True)
        if taken.pop("return", None) is not Response or taken.pop("call", None) != ReadCall:
            return None
        if not route.param_convertors.keys() <= taken.keys():
            return None
        parts = {name: TypeAdapter(taken.pop(name)) for name in route.param_convertors}
        defaults = signature(route.endpoint).parameters
        asked = {name: _Asked.of(kind, defaults[name].default) for name, kind in taken.items()}
        known = {name: each for name, each in asked.items() if each}
        return cls(route, route.endpoint, parts, known) if known.keys() == asked.keys() else None

    def parts_of(self, parts: Mapping[str, str]) -> dict[str, Any]:
        """Return what the endpoint is given of the path, from its parts.

        Raises:
            ValidationError: One of them does not fit.
        """
        return {name: adapter.validate_python(parts[name]) for name, adapter in self.parts.items()}

    def asked_in(self, query: bytes) -> dict[str, Any]:
        """Return what the endpoint is given of the query.

        Raises:
            ValidationError: One of its parameters does not fit.
        """
        if not self.asked:
            return {}
        found = QueryParams(query)
        return {name: asked.value_in(found, name) for name, asked in self.asked.items()}

    async def answer(
        self, request: Request, etags: str | None, given: Mapping[str, Any]
    ) -> Response:
        """Call the endpoint, behind the gate."""
        gate: Authenticator = request.app.state.gate
        async with gate:
            request.state.admit = partial(gate.admit, request, self.route.declared)
            request.state.caller = await request.state.admit()
            # Not by the framework's threads, where getting to one costs half of such a read.
            work = partial(copy_context().run, self.endpoint, ReadRequest(request, etags), **given)
            return await get_running_loop().run_in_executor(request.app.state.readers, work)


class FastReadMiddleware:
    """An application in front of which reads are answered on a short way.

    Args:
        app: Answers everything.
        routes: Its routes.
    """

    def __init__(self, app: ASGIApp, routes: Sequence[BaseRoute]) -> None:
        self._app = app
        reads = [
            each for each in routes if isinstance(each, Route) and "GET" in (each.methods or ())
        ]
        # All of them: the first one that a path fits is the one that is meant.
        self._reads: list[tuple[re.Pattern[str], FastRead | None]] = [
            (each.path_regex, FastRead.of(each)) for each in reads
        ]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        found = self._found(scope)
        if found is None:
            await self._app(scope, receive, send)
            return
        read, etags, given = found
        request = Request(scope, receive, send)
        try:
            response = await read.answer(request, etags, given)
        except PedigreeError as error:
            response = await known_problem(request, error)
        except Exception:  # it is told of as everywhere, behind a second try
            await self._app(scope, receive, send)
            return
        await response(scope, receive, send)

    def _found(self, scope: Scope) -> tuple[FastRead, str | None, dict[str, Any]] | None:
        """Return the read that is asked for, with what it is given, if nothing is amiss."""
        if scope["type"] != "http" or scope["method"] != "GET" or scope.get("root_path"):
            return None
        read, parts = self._read_at(scope["path"])
        headers = dict(reversed(scope["headers"]))  # of several the first counts
        if read is None or headers.keys() & _OF_BODIES:
            return None
        etags = headers.get(b"if-none-match")
        try:
            known = None if etags is None else _ETAGS.validate_python(etags.decode("latin-1"))
            given = read.parts_of(parts)
            asked = read.asked_in(scope["query_string"])
        except ValidationError:
            return None
        scope.update(path_params=given, route=read.route, endpoint=read.endpoint)
        return read, known, given | asked

    def _read_at(self, path: str) -> tuple[FastRead | None, dict[str, str]]:
        for pattern, read in self._reads:
            if match := pattern.match(path):
                return read, match.groupdict()
        return None, {}
