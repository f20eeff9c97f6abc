"""``/search``, ``/events`` and ``/stats``: the whole registry, found, told and counted."""

from typing import Annotated

from fastapi import Header, Query, Request
from starlette.responses import Response, StreamingResponse

from pedigree.access.records import Permission
from pedigree.artifacts.statistics import RegistryStatistics
from pedigree.audit.records import Event, EventType
from pedigree.catalog.search.records import Facet, SearchPage
from pedigree.server.http.auth import requires, resource
from pedigree.server.http.event_stream import MEDIA_TYPE, EventStream, Wanted
from pedigree.server.http.parameters import DIGITS
from pedigree.server.http.requests import Limit, Page, ReadCall

router = resource("registry")

_MOST_FILTER = 8000
_MOST_ORDER = 2000


@router.get("/search", responses={200: {"model": SearchPage}})
@requires(Permission.READ)
def search(
    call: ReadCall,
    *,
    filter: Annotated[
        str | None,
        Query(max_length=_MOST_FILTER, description="Such as tags.team = 'x' AND metrics.auc > 0.9"),
    ] = None,
    order_by: Annotated[
        str | None, Query(max_length=_MOST_ORDER, description="Such as metrics.auc DESC, name")
    ] = None,
    limit: Limit = 100,
    after: Annotated[
        str | None, Query(max_length=_MOST_ORDER, description="The next of the page before")
    ] = None,
    count: Annotated[bool, Query(description="Count all that is found")] = False,
    facets: Annotated[
        list[Facet] | None, Query(max_length=4, description="Count the most frequent values of")
    ] = None,
) -> Response:
    """Return a page of the living versions that a filter finds; see docs/search.md."""
    from pedigree.catalog.search import search as paging  # noqa: PLC0415 -- its parser takes 0.2 s

    asked = paging.request(
        filter, order_by=order_by, limit=limit, after=after, count=count, facets=facets or ()
    )
    told, further = call.registry.database.read(
        lambda connection: paging.search_json(connection, asked)
    )
    return call.paged_told(told, further)


@router.get("/events", responses={200: {"model": Page[Event], "content": {MEDIA_TYPE: {}}}})
@requires(Permission.READ, model_in_body=True)
def list_events(
    call: ReadCall,
    request: Request,
    *,
    after: Annotated[
        int, Query(ge=0, le=2**53 - 1, description="Only events behind this seq"), DIGITS
    ] = 0,
    limit: Limit = 100,
    type: Annotated[
        list[EventType] | None, Query(max_length=len(EventType), description="Only of these types")
    ] = None,
    model: Annotated[
        str | None,
        Query(min_length=1, max_length=256, description="Only of the model of this name"),
    ] = None,
    last_event_id: Annotated[
        str | None,
        Header(pattern=r"^[0-9]{1,18}$", description="A stream that ended goes on behind this seq"),
    ] = None,
) -> Response:
    """Return events in their one order; ``next`` is the cursor, also where none is there yet.

    Who accepts ``text/event-stream`` gets them as they happen. A token that is for some models
    reads the events of one of them at a time.
    """
    call.caller.require_model(model)
    if MEDIA_TYPE in request.headers.get("accept", ""):
        tail: EventStream = request.app.state.tail
        stream = tail.follow(
            call.registry,
            int(last_event_id or after),
            wanted=Wanted(type and frozenset(type), model),
            admitted=request.state.admit,
        )
        return StreamingResponse(
            stream, media_type=MEDIA_TYPE, headers={"Cache-Control": "no-store"}
        )
    found = call.registry.events(after, limit, types=type, model=model)
    cursor = str(found[-1].seq if found else after)
    return call.paged({"items": found, "next": cursor}, cursor if len(found) == limit else None)


@router.get("/stats", responses={200: {"model": RegistryStatistics}})
@requires(Permission.READ)
def get_stats(call: ReadCall) -> Response:
    """Count models, versions, files, and the bytes that are referred to and stored."""
    return call.answer(call.registry.stats())
