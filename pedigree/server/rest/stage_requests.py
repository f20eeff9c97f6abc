"""Requests for stages."""

from typing import Annotated

from fastapi import Query
from starlette.responses import Response

from pedigree.access.records import Permission
from pedigree.contract import paths
from pedigree.lifecycle.decision_records import StageRequest
from pedigree.server.http.auth import requires
from pedigree.server.http.pages import Page
from pedigree.server.http.parameters import DIGITS, Limit, Name, Number
from pedigree.server.http.requests import ReadCall, WriteCall
from pedigree.server.http.resources import resource
from pedigree.server.rest.stages import StageInPath

router = resource("stages")

RequestId = Annotated[
    int | None,
    Query(ge=0, le=2**53 - 1, description="The last request_id of the previous page"),
    DIGITS,
]


@router.delete(
    paths.VERSION_REQUESTS,
    responses={200: {"model": tuple[StageRequest, ...]}},
)
@requires(Permission.REQUEST)
def withdraw_request(
    call: WriteCall,
    name: Name,
    version: Number,
    stage: StageInPath,
    reason: Annotated[str | None, Query(max_length=2000, description="The reason")] = None,
) -> Response:
    """Withdraw requests for a stage; without permission to move versions, only one's own."""
    return call.write(
        lambda registry: registry.withdraw_request(f"{name}/{version}", stage, reason=reason)
    )


@router.get(paths.REQUESTS, responses={200: {"model": Page[StageRequest]}})
@requires(Permission.READ, lists=True)
def list_requests(call: ReadCall, limit: Limit = 100, after: RequestId = None) -> Response:
    """List the open requests for stages, the oldest first."""
    found = call.registry.stage_requests(limit=limit + 1, after=after)
    return call.page(found, limit, lambda request: request.request_id)


@router.get(paths.MODEL_REQUESTS, responses={200: {"model": Page[StageRequest]}})
@requires(Permission.READ)
def list_requests_of_model(
    call: ReadCall, name: Name, limit: Limit = 100, after: RequestId = None
) -> Response:
    """List the open requests for stages of a model's versions, the oldest first."""
    found = call.registry.stage_requests(name, limit=limit + 1, after=after)
    return call.page(found, limit, lambda request: request.request_id)
