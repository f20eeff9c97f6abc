"""Exchange the token of a workload for a token of the service (RFC 8693)."""

from typing import Any, Literal

from fastapi import APIRouter, Request
from pydantic import Field
from pydantic_core import to_json
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response

from pedigree._record import Record
from pedigree.access.exchanges import LIFETIME
from pedigree.access.oidc.identities import Identity
from pedigree.access.oidc.providers import TokenUse
from pedigree.access.oidc.refusals import RefusedTokenError
from pedigree.contract import paths
from pedigree.errors import ExchangeRefusedError
from pedigree.registry import Registry
from pedigree.server.http.auth import Authenticator
from pedigree.server.http.bodies import Bodies
from pedigree.server.http.exchanges import (
    ACCESS_TOKEN,
    GRANT,
    SUBJECT_TYPES,
    URLENCODED,
    subject_token,
)
from pedigree.server.http.problems import problem_responses
from pedigree.server.http.unknown_tokens import UnknownTokens

router = APIRouter(
    prefix=paths.PREFIX,
    tags=["operating"],
    responses=problem_responses(),
    generate_unique_id_function=lambda route: route.name,
)

_MOST_BYTES = 1 << 20
_FORM: dict[str, Any] = {
    "type": "object",
    "required": ["grant_type", "subject_token", "subject_token_type"],
    "properties": {
        "grant_type": {"type": "string", "enum": [GRANT]},
        "subject_token": {"type": "string", "minLength": 1, "description": "A JSON Web Token"},
        "subject_token_type": {"type": "string", "enum": list(SUBJECT_TYPES)},
        "requested_token_type": {"type": "string", "enum": [ACCESS_TOKEN]},
    },
}


class ExchangedToken(Record):
    """A short token of the service."""

    access_token: str = Field(repr=False, description="The secret, which is shown only once")
    issued_token_type: str = ACCESS_TOKEN
    token_type: Literal["Bearer"] = "Bearer"  # noqa: S105 -- a kind, no password
    expires_in: int = Field(description="Its lifetime in seconds")
    scope: str = Field(description="Its roles, separated by spaces")


@router.post(
    paths.EXCHANGE,
    responses={200: {"model": ExchangedToken}},
    openapi_extra={
        "security": [],
        "requestBody": {"required": True, "content": {URLENCODED: {"schema": _FORM}}},
    },
)
async def exchange_token(request: Request) -> Response:
    """Exchange the token of a workload for one of 15 minutes, with the rights of its rule, once."""
    authenticator: Authenticator = request.app.state.authenticator
    bodies: Bodies = request.app.state.bodies
    unknown: UnknownTokens = request.app.state.unknown_workloads
    address = request.client.host if request.client else ""
    unknown.require_few(address)
    received = bodies.received(request, f"workload {address}", streams=False, most=_MOST_BYTES)
    async with received as complete, authenticator:
        try:
            answered = await _exchanged(request, await subject_token(complete))
        except ExchangeRefusedError:
            unknown.note(address)
            raise
    headers = {"Cache-Control": "no-store"}
    return Response(to_json(answered), headers=headers, media_type="application/json")


async def _exchanged(request: Request, text: str) -> ExchangedToken:
    workload = await _workload(request, text)
    registry: Registry = request.app.state.registry
    issued = await run_in_threadpool(registry.operations.tokens.exchange, workload)
    return ExchangedToken(
        access_token=issued.secret,
        expires_in=int(LIFETIME.total_seconds()),
        scope=" ".join(issued.token.roles),
    )


async def _workload(request: Request, text: str) -> Identity:
    oidc = request.app.state.oidc
    if oidc is None:
        raise _refused("the service has no provider of workloads; PEDIGREE_OIDC names a file")
    try:
        found: Identity = await oidc.identity(text, TokenUse.EXCHANGE)
    except RefusedTokenError as error:
        raise _refused(str(error)) from None
    return found


def _refused(message: str) -> ExchangeRefusedError:
    return ExchangeRefusedError(
        message, field="subject_token", remedy="See docs/access.md for what is required of it"
    )
