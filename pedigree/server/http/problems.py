"""Problem details (RFC 9457): one table maps the tree of errors to HTTP statuses."""

import logging
from collections.abc import Mapping
from typing import Any

import psycopg
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from pydantic import Field, JsonValue
from pydantic_core import to_json
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect
from starlette.responses import Response

from pedigree import errors
from pedigree._excerpt import shortened
from pedigree._record import Record
from pedigree.postgres._failures import schema_error
from pedigree.server.http.body_values import refused_value, unreadable_body
from pedigree.server.http.etags import ChangedSinceError
from pedigree.server.http.inputs import UnusableRequestError, WrongContentTypeError
from pedigree.server.http.proxies import public_path
from pedigree.server.http.redirects import redirect, routes_at
from pedigree.server.point_reads import PointReads
from pedigree.server.request_metrics import RequestMetrics

_LOG = logging.getLogger(__name__)

MEDIA_TYPE = "application/problem+json"

# The nearest base class of an error counts. A write that failed because of load is 429, so that
# clients repeat it; 503 means that a dependency is unavailable.
STATUSES: Mapping[type[Exception], int] = {
    errors.PedigreeError: 500,
    errors.InvalidInputError: 422,
    UnusableRequestError: 400,
    WrongContentTypeError: 415,
    errors.TooLargeError: 413,
    errors.NotFoundError: 404,
    errors.RefusedError: 409,
    errors.NotAuthenticatedError: 401,
    errors.ExchangeRefusedError: 400,  # by RFC 8693
    errors.NotPermittedError: 403,
    errors.StateChangedError: 412,
    errors.SecretKeyError: 501,
    errors.MissingDependencyError: 501,
    errors.UnavailableError: 503,
    errors.DatabaseBusyError: 429,
    errors.ServiceBusyError: 429,
    errors.SlowRequestError: 408,
}
RETRY_AFTER_S = 1
# Values in these fields belong to the caller, and may be secrets.
_PRIVATE = frozenset({"params", "tags", "config"})
# The errors of the metadata schema, and its parts of a body.
_SCHEMA_ERRORS = (errors.InvalidMetadataError, errors.InvalidSignatureError)
_DESCRIBED = frozenset({"metadata", "signature"})


class Problem(Record):
    """Why a request failed, and what to do."""

    type: str = Field(description="urn:pedigree:error: followed by the name of the error")
    title: str
    status: int
    detail: str
    field: str | None = Field(default=None, description="The input that was wrong")
    value: str | None = Field(default=None, description="The value that was wrong, shortened")
    fix: str | None = Field(default=None, description="What to do")
    expression: str | None = Field(default=None, description="The search that cannot be parsed")
    place: tuple[int, int] | None = Field(
        default=None, description="The error's place in it, in characters: start and exclusive end"
    )
    missing: tuple[str, ...] | None = Field(
        default=None, description="The digests of the files that must still be sent"
    )
    error: str | None = Field(
        default=None, description="Of a token exchange: the error code of OAuth (RFC 6749)"
    )
    current: JsonValue = Field(default=None, description="With 412: the current state")


def add_handlers(app: FastAPI) -> None:
    """Make the application answer every error with problem details."""
    app.add_exception_handler(errors.PedigreeError, known_problem)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(HTTPException, _of_http)
    app.add_exception_handler(psycopg.ProgrammingError, _statement_failed)
    app.add_exception_handler(ClientDisconnect, client_is_gone)
    app.add_exception_handler(Exception, unknown_problem)


def problem_responses() -> dict[int | str, dict[str, Any]]:
    """Return the OpenAPI description of every failed request."""
    schema = {"$ref": "#/components/schemas/Problem"}
    response = {"description": "The request failed", "content": {MEDIA_TYPE: {"schema": schema}}}
    return {"4XX": response, "5XX": response}


def status_of(error: Exception) -> int:
    """Return the status of an error: that of its nearest base class in the table."""
    return next(STATUSES[kind] for kind in type(error).__mro__ if kind in STATUSES)


async def known_problem(request: Request, error: Exception) -> Response:
    """Answer with the problem details of a Pedigree error."""
    assert isinstance(error, errors.PedigreeError)
    if isinstance(error, _SCHEMA_ERRORS):
        _count_refused(request)
    status = status_of(error)
    headers: dict[str, str] = {}
    more: dict[str, Any] = {}
    if isinstance(error, errors.InvalidSearchError):
        more = {"expression": error.expression, "place": error.place}
    if isinstance(error, errors.ExchangeRefusedError):
        is_grant = error.field == "grant_type"
        more = {"error": "unsupported_grant_type" if is_grant else "invalid_request"}
    if isinstance(error, errors.BytesMissingError):
        more = {"missing": error.digests}
    if status in (429, 503):
        headers["Retry-After"] = str(RETRY_AFTER_S)
    if status == 408:  # the rest of the request is not read
        headers["Connection"] = "close"
    if status == 401:
        headers["WWW-Authenticate"] = "Bearer"
    if isinstance(error, ChangedSinceError) and error.current is not None:
        more["current"], headers["ETag"] = error.current.value, error.current.etag
    if status >= 500:
        _LOG.warning("%s", error, extra={"action": "request.failed", "error": type(error).__name__})
    problem = _answer(problem_of(error, status) | more, headers)
    point_reads: PointReads = request.app.state.point_reads
    shown = await point_reads.named(bytes(problem.body))
    return Response(shown, status, headers=headers, media_type=MEDIA_TYPE)


def _count_refused(request: Request) -> None:
    metrics: RequestMetrics = request.app.state.metrics
    metrics.count_refused(request.scope["route"].path)


def problem_of(error: errors.PedigreeError, status: int | None = None) -> dict[str, Any]:
    """Return the problem details of an error, with its own status or another one."""
    # A subclass that is private to a module is reported as its public base class.
    kind = next(each for each in type(error).__mro__ if getattr(errors, each.__name__, None))
    return {
        "type": f"urn:pedigree:error:{kind.__name__}",
        "title": (kind.__doc__ or "").strip().partition("\n")[0],
        "status": status or status_of(error),
        "detail": str(error),
        "field": error.field,
        "value": None if error.value is None else shortened(error.value),
        "fix": error.remedy,
    }


async def _invalid(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    # A value that no entrance accepts has one answer, wherever it is refused first.
    if refused := refused_value(error.body):
        return await known_problem(request, refused)
    found = error.errors()
    if any(_DESCRIBED & set(each["loc"]) for each in found):
        _count_refused(request)
    first, others = found[0], sorted({_field(each) for each in found} - {_field(found[0])})
    also = f"; also wrong: {', '.join(others)}" if others else ""
    reason = first["msg"].removeprefix("Value error, ")
    invalid = errors.InvalidInputError(
        f"{reason[:1].lower()}{reason[1:]}{also}",
        field=_field(first),
        value=_value(first),
        remedy=f"See the schema of this request at {public_path(request.scope, '/openapi.json')}",
    )
    # An input that the OpenAPI document excludes is 400; one that only the record refuses is 422.
    status = 422 if first["type"] in ("value_error", "string_unicode") else 400
    return _answer(problem_of(invalid, status))


def _field(found: Mapping[str, Any]) -> str:
    where, *path = found["loc"]
    return ".".join(map(str, path)) if path else str(where)


def _value(found: Mapping[str, Any]) -> object:
    value = found.get("input")
    if found["type"] == "missing" or not isinstance(value, str | int | float | bool):
        return None
    return None if _PRIVATE & set(found["loc"]) else value


async def _of_http(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    if error.status_code == 404 and (moved := redirect(request)):
        return moved
    if unreadable := unreadable_body(error.__cause__):
        return await known_problem(request, unreadable)
    headers = {"Allow": _methods(request)} if error.status_code == 405 else error.headers
    problem = {
        "type": "about:blank",
        "title": str(error.detail),
        "status": error.status_code,
        "detail": str(error.detail),
    }
    return _answer(problem, headers)


def _methods(request: Request) -> str:
    """Return the methods of a path; each method has its own route."""
    routes = routes_at(request, request.scope["path"])
    methods = {method for route in routes for method in route.methods or ()}
    return ", ".join(sorted(methods | ({"HEAD"} if "GET" in methods else set())))


async def client_is_gone(request: Request, error: Exception) -> Response:  # noqa: ARG001
    """Answer for a client that has disconnected."""
    return Response(status_code=400)


async def _statement_failed(request: Request, error: Exception) -> Response:
    """Answer after a statement that the schema of the database does not fit."""
    lacking = schema_error(error)
    if lacking is None:
        raise error
    return await known_problem(request, lacking)


async def unknown_problem(request: Request, error: Exception) -> Response:
    """Answer after an unexpected error."""
    # Its message may quote secrets, so it goes only to the log.
    _LOG.error("%s", request.url.path, exc_info=error, extra={"action": "request.crashed"})
    failure = errors.PedigreeError("the service failed", remedy="See its log")
    return _answer(problem_of(failure, 500))


def _answer(problem: dict[str, Any], headers: Mapping[str, str] | None = None) -> Response:
    known = {name: value for name, value in problem.items() if value is not None}
    return Response(
        to_json(known), problem["status"], headers=dict(headers or {}), media_type=MEDIA_TYPE
    )
