"""``/tokens``, ``/gc`` and ``/fsck``: for who runs the registry."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Annotated

from fastapi import Path, Query, Request
from pydantic import Field
from starlette.responses import Response, StreamingResponse

from pedigree._record import NUMBER, Record
from pedigree.access.records import AccessToken, IssuedToken, Permission, Role
from pedigree.artifacts.records import DIGEST_PATTERN, Digest
from pedigree.errors import PlanChangedError
from pedigree.maintenance.fsck_records import Report
from pedigree.maintenance.gc_plan import Plan
from pedigree.maintenance.gc_records import Collection
from pedigree.registry import Registry
from pedigree.server.http.auth import requires, resource
from pedigree.server.http.long_requests import LongWork
from pedigree.server.http.parameters import DIGITS, AfterId
from pedigree.server.http.requests import Limit, Page, ReadCall, WriteCall

router = resource("operating")

LINES = "application/jsonl"

_LONGEST_S = 100 * 366 * 86_400


class NewToken(Record):
    """A token that is to be made."""

    principal: str = Field(min_length=1, max_length=256, description="Who acts by it: ci@churn")
    roles: tuple[Role, ...] = Field(min_length=1, max_length=len(Role))
    models: tuple[Annotated[str, Field(min_length=1, max_length=256)], ...] = Field(
        default=(),
        max_length=100,
        description="Names of models, or patterns such as churn*, that it is for; none: all",
    )
    expires_s: Annotated[int, Field(ge=1, le=_LONGEST_S), NUMBER] | None = Field(
        default=None, description="So many seconds it holds; null: for ever"
    )


class WantedCollection(Record):
    """Which plan shall be done."""

    plan: Digest = Field(
        pattern=DIGEST_PATTERN, description="Its digest: 409 where there is another one now"
    )


@router.post("/tokens", status_code=201, responses={201: {"model": IssuedToken}})
@requires(Permission.OPERATE)
def create_token(call: WriteCall, new: NewToken) -> Response:
    """Make a token of the service; its secret is in this answer alone."""
    expires = None if new.expires_s is None else timedelta(seconds=new.expires_s)
    return call.write(
        lambda registry: registry.create_token(
            new.principal, roles=new.roles, models=new.models, expires=expires
        ),
        status=201,
        secret=True,
    )


@router.get("/tokens", responses={200: {"model": Page[AccessToken]}})
@requires(Permission.OPERATE)
def list_tokens(
    call: ReadCall,
    limit: Limit = 100,
    after: AfterId = 0,
) -> Response:
    """List the tokens, also revoked and expired ones, the oldest first; never a secret."""
    found = call.registry.tokens(limit=limit + 1, after=after)
    return call.page(found, limit, lambda token: token.token_id)


@router.delete("/tokens/{token_id}", responses={200: {"model": AccessToken}})
@requires(Permission.OPERATE)
def revoke_token(
    call: WriteCall,
    token_id: Annotated[int, Path(ge=1, lt=2**63, description="A token's number"), DIGITS],
) -> Response:
    """Revoke a token for good; it is refused within a second."""
    return call.write(lambda registry: registry.revoke_token(token_id))


@router.get(
    "/gc",
    responses={
        200: {
            "description": "The items, each a line of JSON; the ETag is the plan's digest",
            "content": {LINES: {}},
        }
    },
)
@requires(Permission.OPERATE)
def plan_gc(call: ReadCall) -> Response:
    """Say which bytes a garbage collection would remove or move now, and why."""
    plan = call.registry.plan_gc()
    return StreamingResponse(_lines(plan), media_type=LINES, headers={"ETag": f'"{plan.digest}"'})


@router.post("/gc", responses={200: {"model": Collection}})
@requires(Permission.OPERATE)
async def collect(request: Request, call: WriteCall, wanted: WantedCollection) -> Response:
    """Do exactly what a plan says; what came to be needed meanwhile is left and reported.

    Once it has taken some seconds the answer begins with 200 and spaces, and what goes wrong later
    is told in its body by problem details.
    """
    registry = call.caller.registry
    long_work: LongWork = request.app.state.long_work
    return await long_work.answer(lambda: _collect(registry, wanted.plan))


@router.post("/fsck", responses={200: {"model": Report}})
@requires(Permission.OPERATE)
async def check_registry(
    request: Request,
    call: WriteCall,
    hashes: Annotated[bool, Query(description="Read every object and compare its digest")] = False,
) -> Response:
    """Check every invariant of the registry, while it is at work; nothing is changed.

    Once it has taken some seconds the answer begins with 200 and spaces, and what goes wrong later
    is told in its body by problem details.
    """
    registry = call.caller.registry
    long_work: LongWork = request.app.state.long_work
    return await long_work.answer(lambda: registry.fsck(hashes=hashes))


def _lines(plan: Plan) -> Iterator[str]:
    with plan:
        yield from plan.lines()


def _collect(registry: Registry, digest: Digest) -> Collection:
    with registry.plan_gc() as plan:
        if plan.digest != digest:
            raise PlanChangedError(
                f"the plan is {plan.digest} now",
                field="plan",
                value=digest,
                remedy="Look at the plan again",
            )
        return registry.gc(plan)
