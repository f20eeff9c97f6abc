"""Garbage collection of bytes."""

from collections.abc import Iterator

from fastapi import Request
from pydantic import Field
from starlette.responses import Response, StreamingResponse

from pedigree._record import Record
from pedigree.access.records import Permission
from pedigree.artifacts.records import DIGEST_PATTERN, Digest
from pedigree.contract import paths
from pedigree.errors import PlanChangedError
from pedigree.maintenance.gc_plan import Plan
from pedigree.maintenance.gc_records import Collection
from pedigree.registry import Registry
from pedigree.server.http.auth import requires, resource
from pedigree.server.http.long_requests import LongWork
from pedigree.server.http.requests import ReadCall, WriteCall

router = resource("operating")

LINES = "application/jsonl"


class WantedCollection(Record):
    """Which plan shall be done."""

    plan: Digest = Field(
        pattern=DIGEST_PATTERN, description="Its digest: 409 where there is another one now"
    )


@router.get(
    paths.GC,
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


@router.post(paths.GC, responses={200: {"model": Collection}})
@requires(Permission.OPERATE)
async def collect(request: Request, call: WriteCall, wanted: WantedCollection) -> Response:
    """Do exactly what a plan says; what came to be needed meanwhile is left and reported.

    Once it has taken some seconds the answer begins with 200 and spaces, and what goes wrong later
    is told in its body by problem details.
    """
    registry = call.caller.registry
    long_work: LongWork = request.app.state.long_work
    return await long_work.answer(lambda: _collect(registry, wanted.plan))


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
