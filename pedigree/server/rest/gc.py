"""Garbage collection of bytes."""

from collections.abc import Iterable, Iterator

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
from pedigree.server.http.auth import requires
from pedigree.server.http.long_requests import LongWork
from pedigree.server.http.requests import ReadCall, WriteCall
from pedigree.server.http.resources import resource

router = resource("operating")

LINES = "application/jsonl"


class WantedCollection(Record):
    """The plan to perform."""

    plan: Digest = Field(
        pattern=DIGEST_PATTERN, description="The plan's digest: 409 if the plan has changed"
    )


@router.get(
    paths.GC,
    responses={
        200: {
            "description": "The items as JSON lines; the ETag is the plan's digest",
            "content": {LINES: {}},
        }
    },
)
@requires(Permission.OPERATE)
def plan_gc(call: ReadCall) -> Response:
    """Return which bytes a garbage collection would remove or move now, and why."""
    plan = call.registry.plan_gc()
    etag = f'"{plan.digest}"'
    if call.knows(etag) or call.is_head:
        plan.close()
        return call.unchanged(etag) if call.knows(etag) else _planned(etag, ())
    return _planned(etag, _lines(plan))


@router.post(paths.GC, responses={200: {"model": Collection}})
@requires(Permission.OPERATE)
async def collect(request: Request, call: WriteCall, wanted: WantedCollection) -> Response:
    """Perform exactly a plan; items that are in use by now stay and are reported.

    After some seconds the answer begins with 200 and spaces, and its body reports a later failure
    as problem details.
    """
    registry = call.caller.registry
    long_work: LongWork = request.app.state.long_work
    return await long_work.answer(lambda: _collect(registry, wanted.plan))


def _planned(etag: str, lines: Iterable[str]) -> Response:
    return StreamingResponse(lines, media_type=LINES, headers={"ETag": etag})


def _lines(plan: Plan) -> Iterator[str]:
    with plan:
        yield from plan.lines()


def _collect(registry: Registry, digest: Digest) -> Collection:
    with registry.plan_gc() as plan:
        if plan.digest != digest:
            raise PlanChangedError(
                f"the plan has changed to {plan.digest}",
                field="plan",
                value=digest,
                remedy="Read the plan again",
            )
        return registry.gc(plan)
