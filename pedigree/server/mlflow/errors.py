"""Errors as MLflow's clients read them: the one place that makes them.

A table maps each class of :mod:`pedigree.errors` to MLflow's ``error_code`` and status; what MLflow
words in its own way has its words here.
"""

import logging
from collections.abc import Callable, Mapping
from http import HTTPStatus
from typing import NamedTuple

import psycopg
from fastapi import Request
from pydantic_core import to_json
from starlette.requests import ClientDisconnect
from starlette.responses import Response

from pedigree import errors
from pedigree.postgres._failures import schema_error
from pedigree.server.http.problems import RETRY_AFTER_S
from pedigree.server.mlflow.fields import MlflowRequest, UnacceptedRequestError
from pedigree.server.mlflow.requests import WorkspacesDisabledError
from pedigree.server.point_reads import PointReads

_LOG = logging.getLogger(__name__)


class ErrorKind(NamedTuple):
    """What MLflow calls an error, and its status.

    Attributes:
        code: The ``error_code``, by which clients choose what to do.
        status: The status of the answer.
        name: The ``error_class``, finer than the code; None where MLflow has none.
        sqlstate: The code of its class, of five characters.
    """

    code: str
    status: int
    name: str | None = None
    sqlstate: str | None = None


# States of the client's and of the server's errors.
_USER, _SYSTEM = "KAM00", "XXM00"
_INVALID = ErrorKind("INVALID_PARAMETER_VALUE", 400, "INVALID_PARAMETER_VALUE", _USER)
_FAILED = ErrorKind("INTERNAL_ERROR", 500, "CLIENT_INTERNAL_ERROR", _SYSTEM)
_BUSY = ErrorKind("REQUEST_LIMIT_EXCEEDED", 429)
_UNSUPPORTED = ErrorKind("NOT_IMPLEMENTED", 501)
_NO_ENDPOINT = ErrorKind("ENDPOINT_NOT_FOUND", 404, "RESOURCE_NOT_FOUND", _USER)

# The nearest base class of an error counts. MLflow's clients repeat a request that failed by 5xx,
# so what would fail again is 400, also where MLflow has another status.
KINDS: Mapping[type[Exception], ErrorKind] = {
    errors.PedigreeError: _FAILED,
    errors.InvalidInputError: _INVALID,
    WorkspacesDisabledError: ErrorKind("FEATURE_DISABLED", 400, "FEATURE_DISABLED", _USER),
    errors.NotFoundError: ErrorKind("RESOURCE_DOES_NOT_EXIST", 404, "RESOURCE_NOT_FOUND", _USER),
    errors.AliasNotFoundError: _INVALID,
    errors.RefusedError: _INVALID,
    errors.NameTakenError: ErrorKind(
        "RESOURCE_ALREADY_EXISTS", 400, "RESOURCE_ALREADY_EXISTS", _USER
    ),
    errors.NotAuthenticatedError: ErrorKind("UNAUTHENTICATED", 401),
    errors.NotPermittedError: ErrorKind("PERMISSION_DENIED", 403, "PERMISSION_DENIED", _USER),
    errors.RequestInFlightError: ErrorKind("RESOURCE_CONFLICT", 409),
    errors.GenerationConflictError: ErrorKind("ABORTED", 409),
    errors.UnsupportedByStoreError: _UNSUPPORTED,
    errors.CorruptionError: ErrorKind("DATA_LOSS", 500),
    errors.SecretKeyError: _UNSUPPORTED,
    errors.MissingDependencyError: _UNSUPPORTED,
    errors.UnavailableError: ErrorKind(
        "TEMPORARILY_UNAVAILABLE", 503, "CLIENT_INTERNAL_ERROR", _SYSTEM
    ),
    errors.DatabaseBusyError: _BUSY,
    errors.ServiceBusyError: _BUSY,
    errors.SlowRequestError: ErrorKind("DEADLINE_EXCEEDED", 408),
}


def _model_not_found(error: errors.PedigreeError, asked: MlflowRequest) -> str | None:
    if isinstance(error, errors.ModelNotFoundError) and error.value not in (None, _name(asked)):
        # That of the version which is copied, say.
        return f"Registered Model with name={error.value} not found"
    version = getattr(asked, "version", None)
    name = getattr(asked, "name", None)
    if name is None:
        return None
    if version is not None:
        return f"Model Version (name={name}, version={int(version)}) not found"
    return f"Registered Model with name={name} not found"


def _version_not_found(error: errors.PedigreeError, asked: MlflowRequest) -> str | None:
    name = _name(asked)
    if name is not None and getattr(asked, "alias", "").lower() == "latest":
        return f"Latest version not found for model {name}."
    return _model_not_found(error, asked)


def _name(asked: MlflowRequest) -> object:
    return getattr(asked, "name", None)


def _alias_not_found(_: errors.PedigreeError, asked: MlflowRequest) -> str | None:
    alias = getattr(asked, "alias", None)
    return None if alias is None else f"Registered model alias {alias} not found."


def _name_taken(_: errors.PedigreeError, asked: MlflowRequest) -> str | None:
    name = getattr(asked, "new_name", None) or getattr(asked, "name", None)
    return None if name is None else f"Registered Model (name={name}) already exists."


def _gates_not_passed(error: errors.PedigreeError, _: MlflowRequest) -> str | None:
    """A line for each gate: notebooks show the message as it is."""
    if not isinstance(error, errors.GateNotPassedError) or not error.waits_for:
        return None
    lines = "".join(f"\n- {each}" for each in error.waits_for)
    return str(error).replace(f" {error.listed(error.waits_for)}", lines, 1)


# The words of MLflow for an error, by what was asked; None where it has none.
_WORDS: Mapping[type[Exception], Callable[[errors.PedigreeError, MlflowRequest], str | None]] = {
    errors.ModelNotFoundError: _model_not_found,
    errors.VersionNotFoundError: _version_not_found,
    errors.AliasNotFoundError: _alias_not_found,
    errors.NameTakenError: _name_taken,
    errors.GateNotPassedError: _gates_not_passed,
}


def kind_of(error: errors.PedigreeError) -> ErrorKind:
    """Return what MLflow calls an error: as its nearest base class in the table."""
    return next(KINDS[each] for each in type(error).__mro__ if each in KINDS)


def message_of(error: errors.PedigreeError, asked: MlflowRequest | None) -> str:
    """Return the message of an error: MLflow's words where it has some, else ours."""
    if isinstance(error, UnacceptedRequestError):
        return error.message
    if isinstance(error, errors.WebhookNotFoundError):
        return f"Webhook with ID {error.value} not found."
    words = next((_WORDS[each] for each in type(error).__mro__ if each in _WORDS), None)
    return (words(error, asked) if words and asked is not None else None) or str(error)


async def error_answer(
    request: Request, error: Exception, asked: MlflowRequest | None = None
) -> Response:
    """Answer with any error that a route raised.

    Args:
        request: The request.
        error: What was raised.
        asked: What the request asks, as far as that is known.
    """
    match error:
        case errors.PedigreeError():
            return await _known(request, error, asked)
        case ClientDisconnect():
            return Response(status_code=400)
        case psycopg.ProgrammingError() if lacking := schema_error(error):
            return await _known(request, lacking, asked)
    # Its message may quote secrets, so it goes only to the log.
    _LOG.error("%s", request.url.path, exc_info=error, extra={"action": "request.crashed"})
    return _answer(_FAILED, "The service failed. See its log.")


def no_endpoint(path: str, methods: list[str]) -> Response:
    """Answer a request for which there is no route.

    Args:
        path: Its path.
        methods: The methods of the path, if it has other ones.
    """
    if not methods:
        return _answer(_NO_ENDPOINT, f"This service has no endpoint {path}")
    allowed = ", ".join(methods)
    message = f"The endpoint {path} has the methods {allowed}"
    wrong = _NO_ENDPOINT._replace(status=HTTPStatus.METHOD_NOT_ALLOWED)
    return _answer(wrong, message, {"Allow": allowed})


async def _known(
    request: Request, error: errors.PedigreeError, asked: MlflowRequest | None
) -> Response:
    kind = kind_of(error)
    headers: dict[str, str] = {}
    if kind.status in (429, 503):
        headers["Retry-After"] = str(RETRY_AFTER_S)
    if kind.status == 408:  # the rest of the request is not read
        headers["Connection"] = "close"
    if kind.status == 401:
        headers["WWW-Authenticate"] = 'Basic realm="pedigree", Bearer'
    if kind.status >= 500:
        _LOG.warning("%s", error, extra={"action": "request.failed", "error": type(error).__name__})
    answer = _answer(kind, message_of(error, asked), headers)
    point_reads: PointReads = request.app.state.point_reads
    shown = await point_reads.named(bytes(answer.body))
    return Response(shown, kind.status, headers=headers, media_type="application/json")


def _answer(kind: ErrorKind, message: str, headers: Mapping[str, str] | None = None) -> Response:
    body: dict[str, str | None] = {"error_code": kind.code, "message": message}
    body |= {"sqlstate": kind.sqlstate, "error_class": kind.name}
    known = to_json({name: value for name, value in body.items() if value is not None})
    return Response(known, kind.status, headers=dict(headers or {}), media_type="application/json")
