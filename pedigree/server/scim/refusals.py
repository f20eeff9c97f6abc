"""Errors as SCIM has them (RFC 7644, section 3.12): for every request below its prefix."""

import json
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from fastapi import FastAPI, Request
from starlette.responses import Response
from starlette.types import HTTPExceptionHandler

from pedigree import errors
from pedigree.contract.paths import SCIM

MEDIA_TYPE = "application/scim+json"

_SCHEMA = "urn:ietf:params:scim:api:messages:2.0:Error"
# What SCIM calls an error, by its nearest base class. A value that our records refuse is 400 here.
_TYPES: Mapping[type[Exception], str] = MappingProxyType(
    {
        errors.NameTakenError: "uniqueness",
        errors.ReservedNameError: "uniqueness",
        errors.InvalidInputError: "invalidValue",
    }
)
_OF_TYPE = {"uniqueness": 409, "invalidValue": 400}
_OF_ITS_OWN = frozenset({413, 415})


class ScimError(Exception):
    """A request that SCIM does not allow.

    Args:
        detail: What is wrong.
        scim_type: The keyword of the RFC; None if it has none for this.
        status: The status of the answer.
    """

    def __init__(self, detail: str, scim_type: str | None = None, *, status: int = 400) -> None:
        super().__init__(detail)
        self.detail = detail
        self.scim_type = scim_type
        self.status = status


def add_scim_errors(app: FastAPI) -> None:
    """Let the application answer errors below the prefix of SCIM as SCIM has them."""
    for kind, handle in list(app.exception_handlers.items()):
        app.add_exception_handler(kind, _translated(handle))
    app.add_exception_handler(ScimError, _refused)


def _translated(handle: Any) -> HTTPExceptionHandler:
    async def answer(request: Request, error: Exception) -> Response:
        problem: Response = await handle(request, error)
        path: str = request.scope["path"]
        is_scim = path == SCIM or path.startswith(f"{SCIM}/")
        if not is_scim or problem.status_code < 400 or not problem.body:
            return problem
        return _of_problem(problem, error)

    return answer


def _of_problem(problem: Response, error: Exception) -> Response:
    known = json.loads(bytes(problem.body))
    detail = " ".join(filter(None, (known["detail"], known.get("fix"))))
    status, scim_type = problem.status_code, None
    if status not in _OF_ITS_OWN:
        kinds = type(error).__mro__
        scim_type = next((_TYPES[kind] for kind in kinds if kind in _TYPES), None)
    if scim_type is not None:
        detail, status = str(error), _OF_TYPE[scim_type]
    headers = {
        name: value
        for name, value in problem.headers.items()
        if name not in ("content-length", "content-type")
    }
    return _document(detail, scim_type, status, headers)


async def _refused(_: Request, error: Exception) -> Response:
    assert isinstance(error, ScimError)
    return _document(error.detail, error.scim_type, error.status, {})


def _document(
    detail: str, scim_type: str | None, status: int, headers: Mapping[str, str]
) -> Response:
    document: dict[str, Any] = {"schemas": [_SCHEMA], "status": str(status), "detail": detail}
    if scim_type is not None:
        document["scimType"] = scim_type
    return Response(json.dumps(document), status, headers=dict(headers), media_type=MEDIA_TYPE)
