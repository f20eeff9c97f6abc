"""The check of every invariant."""

from typing import Annotated

from fastapi import Query, Request
from starlette.responses import Response

from pedigree.access.records import Permission
from pedigree.contract import paths
from pedigree.maintenance.fsck_records import Report
from pedigree.server.http.auth import requires
from pedigree.server.http.long_requests import LongWork
from pedigree.server.http.requests import WriteCall
from pedigree.server.http.resources import resource

router = resource("operating")


@router.post(paths.FSCK, responses={200: {"model": Report}})
@requires(Permission.OPERATE)
async def check_registry(
    request: Request,
    call: WriteCall,
    hashes: Annotated[bool, Query(description="Read every object and compare its digest")] = False,
) -> Response:
    """Check every invariant of the running registry; nothing is changed.

    After some seconds the answer begins with 200 and spaces, and its body reports a later failure
    as problem details.
    """
    registry = call.caller.registry
    long_work: LongWork = request.app.state.long_work
    return await long_work.answer(lambda: registry.fsck(hashes=hashes))
