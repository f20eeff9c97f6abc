"""``/log``: the sealed audit log for monitors, as in https://c2sp.org/tlog-tiles.

Events may exceed the format's bound of 64 KiB, so they are served as JSON lines.
"""

from typing import Annotated, Any

from fastapi import APIRouter, Path, Query, Request
from starlette.responses import Response

from pedigree.access.records import Permission
from pedigree.audit.log_records import LogConsistency
from pedigree.audit.tiles import MOST_LEVELS
from pedigree.contract import paths
from pedigree.registry.audit import AuditOperations
from pedigree.server.http.auth import Caller, ProtectedRoute, requires
from pedigree.server.http.parameters import DIGITS
from pedigree.server.http.problems import problem_responses
from pedigree.server.http.requests import ReadCall

router = APIRouter(
    route_class=ProtectedRoute,
    tags=["log"],
    responses=problem_responses(),
    generate_unique_id_function=lambda route: route.name,
)

_Responses = dict[int | str, dict[str, Any]]
_BYTES: _Responses = {200: {"content": {"application/octet-stream": {}}}}
_TEXT: _Responses = {200: {"content": {"text/plain": {}}}}
_LINES: _Responses = {200: {"content": {"application/jsonl": {}}}}
# A tile and an event never change.
_IMMUTABLE = {"Cache-Control": "private, max-age=31536000, immutable"}
_Size = Annotated[int, Path(ge=1, le=2**53 - 1, description="A number of events"), DIGITS]


@router.get(paths.LOG_CHECKPOINT, responses=_TEXT, response_class=Response)
@requires(Permission.READ, lists=True, is_of_log=True)
def get_log_checkpoint(
    request: Request,
    cosigned: Annotated[
        bool, Query(description="The newest one that enough witnesses cosigned, instead")
    ] = False,
) -> Response:
    """Return the newest checkpoint as a signed note, with the cosignatures that it has."""
    audit = _audit(request)
    checkpoint = audit.cosigned_checkpoint() if cosigned else audit.newest_checkpoint()
    return Response(
        checkpoint.note,
        media_type="text/plain; charset=utf-8",
        headers={"Cache-Control": "no-store"},
    )


@router.get(paths.LOG_TILE, responses=_BYTES, response_class=Response)
@requires(Permission.AUDIT, is_of_log=True)
def get_log_tile(
    request: Request,
    level: Annotated[int, Path(ge=0, le=MOST_LEVELS, description="0 has the leaves"), DIGITS],
    tile: Annotated[
        str, Path(max_length=64, description="Such as 067, x001/x234/067 or 067.p/112")
    ],
) -> Response:
    """Return the hashes of a tile; the newest checkpoint says which ones there are."""
    content = _audit(request).log_tile(level, tile)
    return Response(content, media_type="application/octet-stream", headers=_IMMUTABLE)


@router.get(paths.LOG_EVENTS, responses=_LINES, response_class=Response)
@requires(Permission.AUDIT, is_of_log=True)
def get_log_events(
    request: Request,
    after: Annotated[
        int, Query(ge=0, le=2**53 - 1, description="Only events after this seq"), DIGITS
    ] = 0,
    limit: Annotated[int, Query(ge=1, le=1000, description="At most this many"), DIGITS] = 256,
) -> Response:
    """Return sealed events, one a line: the bytes whose hashes are the leaves of the tiles.

    The answer may have fewer lines than asked for, and none only if no further event is sealed.
    """
    lines = _audit(request).sealed_events(after=after, limit=limit)
    content = b"".join(line + b"\n" for line in lines)
    return Response(
        content, media_type="application/jsonl", headers={"Cache-Control": "private, no-cache"}
    )


@router.get(paths.LOG_CONSISTENCY, responses={200: {"model": LogConsistency}})
@requires(Permission.READ, lists=True, is_of_log=True)
def get_log_consistency(call: ReadCall, old: _Size) -> Response:
    """Return the proof that the log of the newest checkpoint extends the log of a size."""
    audit = call.registry.operations.audit
    return call.answer(audit.prove_consistency(old, audit.newest_checkpoint().size))


def _audit(request: Request) -> AuditOperations:
    caller: Caller = request.state.caller
    return caller.registry.operations.audit
