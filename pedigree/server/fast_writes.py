"""A fast path for writes with a JSON document: the framework's work around one costs as much again.

It serves endpoints that take only path parameters, one document, and the files next to it. The
document is parsed and validated at once, from its bytes. A request that is invalid goes through the
framework, which reports what is wrong with it; nothing has been written then.
"""

from asyncio import get_running_loop
from collections.abc import Callable, Mapping, Sequence
from contextvars import copy_context
from functools import partial
from inspect import Parameter, iscoroutinefunction, signature
from typing import Any, NamedTuple, Self, get_type_hints

from pydantic import BaseModel, TypeAdapter, ValidationError
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from pedigree.errors import PedigreeError
from pedigree.server.fast_routes import FastRoutes, path_arguments
from pedigree.server.http.auth import ProtectedRoute
from pedigree.server.http.forms import SentFiles, sent_files
from pedigree.server.http.inputs import is_text
from pedigree.server.http.parameters import IdempotencyKey
from pedigree.server.http.problems import client_is_gone, known_problem, unknown_problem
from pedigree.server.http.requests import WriteCall, WriteRequest

_KEYS = TypeAdapter[str | None](IdempotencyKey)


class _InvalidDocumentError(Exception):
    """The document is not what the endpoint takes; the framework says why."""


class FastWrite(NamedTuple):
    """A route whose endpoint can be called without the framework."""

    route: ProtectedRoute
    endpoint: Callable[..., Response]
    path_parameters: Mapping[str, TypeAdapter[Any]]
    document: str
    """The parameter of the endpoint that takes the document."""
    document_type: TypeAdapter[Any]
    files: str | None
    """The parameter that takes the files next to it, if there is one."""

    @classmethod
    def of(cls, route: Route) -> Self | None:
        """Return a route's endpoint with its parameters; None if it takes other parameters."""
        if not isinstance(route, ProtectedRoute) or iscoroutinefunction(route.endpoint):
            return None
        taken = get_type_hints(route.endpoint, include_extras=True)
        if taken.pop("return", None) is not Response or taken.pop("call", None) != WriteCall:
            return None
        if not route.param_convertors.keys() <= taken.keys():
            return None
        parts = {name: TypeAdapter(taken.pop(name)) for name in route.param_convertors}
        files = next((name for name, kind in taken.items() if kind == SentFiles), None)
        documents = [name for name in taken if name != files]
        if len(documents) != 1:
            return None
        (document,) = documents
        kind = taken[document]
        is_required = signature(route.endpoint).parameters[document].default is Parameter.empty
        if not (isinstance(kind, type) and issubclass(kind, BaseModel) and is_required):
            return None
        return cls(route, route.endpoint, parts, document, TypeAdapter(kind), files)

    async def answer(self, request: Request, key: str | None, given: Mapping[str, Any]) -> Response:
        """Receive the document and call the endpoint, as far as the caller may."""

        async def call(complete: Request) -> Response:
            body = await complete.body()
            arguments = {**given, self.document: self._parsed(body)}
            if self.files is not None:
                arguments[self.files] = sent_files(complete)
            write = WriteRequest(complete, key, body)
            work = partial(copy_context().run, self.endpoint, write, **arguments)
            return await get_running_loop().run_in_executor(request.app.state.readers, work)

        return await self.route.guarded(request, call)

    def _parsed(self, body: bytes) -> object:
        try:
            return self.document_type.validate_json(body)
        except ValidationError as error:
            raise _InvalidDocumentError from error


class FastWriteMiddleware:
    """An application that answers writes on a fast path in front of another one.

    Args:
        app: The application that answers everything else.
        routes: Its routes.
    """

    def __init__(self, app: ASGIApp, routes: Sequence[BaseRoute]) -> None:
        self._app = app
        self._writes = FastRoutes(routes, "POST", FastWrite.of)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        found = self._find(scope)
        if found is None:
            await self._app(scope, receive, send)
            return
        write, key, given = found
        kept = _KeptMessages(receive)
        request = Request(scope, kept.receive, send)
        try:
            response = await write.answer(request, key, given)
        except _InvalidDocumentError:
            await self._app(scope, kept.replayed, send)
            return
        except PedigreeError as error:
            response = await known_problem(request, error)
        except ClientDisconnect as error:
            response = await client_is_gone(request, error)
        except Exception as error:
            await (await unknown_problem(request, error))(scope, receive, send)
            raise
        await response(scope, receive, send)

    def _find(self, scope: Scope) -> tuple[FastWrite, str | None, dict[str, Any]] | None:
        """Return the requested write with its arguments, if the head of the request is valid."""
        if scope["type"] != "http" or scope["method"] != "POST" or scope.get("root_path"):
            return None
        if scope["query_string"] or not is_text(scope.get("raw_path") or b""):
            return None
        write, parts = self._writes.at(scope["path"])
        if write is None:
            return None
        headers = dict(reversed(scope["headers"]))  # the first of several wins
        key = headers.get(b"idempotency-key")
        try:
            known = None if key is None else _KEYS.validate_python(key.decode("latin-1"))
            given = path_arguments(write.path_parameters, parts)
        except ValidationError:
            return None
        scope.update(path_params=given, route=write.route, endpoint=write.endpoint)
        return write, known, given


class _KeptMessages:
    """What was received of a request, to be received again by another application.

    Args:
        receive: Receives the next message.
    """

    def __init__(self, receive: Receive) -> None:
        self._receive = receive
        self._messages: list[Message] = []

    async def receive(self) -> Message:
        """Receive the next message, and keep it."""
        message = await self._receive()
        self._messages.append(message)
        return message

    async def replayed(self) -> Message:
        """Return the kept messages again, then receive the next ones."""
        return self._messages.pop(0) if self._messages else await self._receive()
