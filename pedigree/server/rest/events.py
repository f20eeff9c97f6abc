"""The feed of events."""

from functools import partial
from typing import Annotated

from fastapi import Header, Query, Request
from starlette.responses import Response, StreamingResponse

from pedigree.access.records import Permission
from pedigree.audit.event_types import EventType
from pedigree.audit.records import Event
from pedigree.contract import paths
from pedigree.server.http.auth import requires
from pedigree.server.http.event_stream import MEDIA_TYPE, EventStream, Wanted
from pedigree.server.http.pages import Page, is_cut
from pedigree.server.http.parameters import DIGITS, Limit
from pedigree.server.http.requests import ReadCall
from pedigree.server.http.resources import resource

router = resource("registry")


@router.get(paths.EVENTS, responses={200: {"model": Page[Event], "content": {MEDIA_TYPE: {}}}})
@requires(Permission.READ, lists=True)
def list_events(
    call: ReadCall,
    request: Request,
    *,
    after: Annotated[
        int, Query(ge=0, le=2**53 - 1, description="Only events after this seq"), DIGITS
    ] = 0,
    limit: Limit = 100,
    type: Annotated[
        list[EventType] | None,
        Query(max_length=len(EventType), description="Only events of these types"),
    ] = None,
    model: Annotated[
        str | None,
        Query(min_length=1, max_length=256, description="Only events of the model of this name"),
    ] = None,
    last_event_id: Annotated[
        str | None,
        Header(pattern=r"^[0-9]{1,18}$", description="An ended stream continues after this seq"),
    ] = None,
) -> Response:
    """Return events in the order of the feed; ``next`` is the cursor, even after the last event.

    A client that accepts ``text/event-stream`` gets events as they happen. A token that is
    limited to models reads the events of these models.
    """
    if MEDIA_TYPE in request.headers.get("accept", ""):
        if call.is_head:
            return Response(media_type=MEDIA_TYPE, headers={"Cache-Control": "no-store"})
        event_stream: EventStream = request.app.state.event_stream
        principal = call.caller.principal
        if model is not None:
            principal.require(Permission.READ, model)
        stream = event_stream.follow(
            int(last_event_id or after),
            wanted=Wanted(type and frozenset(type), model, partial(principal.may, Permission.READ)),
            admitted=request.state.admit,
            principal=principal.name,
        )
        return StreamingResponse(
            stream, media_type=MEDIA_TYPE, headers={"Cache-Control": "no-store"}
        )
    found = call.registry.events(after, limit, types=type, model=model)
    cursor = str(found[-1].seq if found else after)
    further = cursor if len(found) == limit or is_cut(found) else None
    return call.paged({"items": found, "next": cursor}, further)
