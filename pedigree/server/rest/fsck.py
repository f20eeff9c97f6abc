"""The check of every invariant."""

from typing import Annotated

from fastapi import Query, Request
from starlette.responses import Response

from pedigree.access.records import Permission
from pedigree.contract import paths
from pedigree.maintenance.fsck_records import Report
from pedigree.server.http.auth import requires, resource
from pedigree.server.http.long_requests import LongWork
from pedigree.server.http.requests import WriteCall

router = resource("operating")


@router.post(paths.FSCK, responses={200: {"model": Report}})
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
