"""Activity: what happened to the models that the visitor may read, or to one of them."""

from typing import Any

from starlette.responses import Response

from pedigree.access.records import Permission
from pedigree.audit.event_types import EventType
from pedigree.errors import InvalidInputError, PedigreeError
from pedigree.server.http.auth import requires
from pedigree.server.http.problems import status_of
from pedigree.server.web.event_lists import EventList, EventQuestion, event_list, typed_in
from pedigree.server.web.event_words import is_routine
from pedigree.server.web.links import ACTIVITY, MODEL_ACTIVITY
from pedigree.server.web.routes import Pages
from pedigree.server.web.visits import Visit

pages = Pages()

ROUTINE = (
    EventType.VERSION_CHECK_RECORDED,
    EventType.DATA_CHECK_RECORDED,
    EventType.VERSION_DOWNLOADED,
    EventType.VERSION_PROFILED,
    EventType.VERSION_DRIFT_MEASURED,
    EventType.TOKEN_LISTED,
)
"""Types that are left out of an activity, unless they are asked for: runs and reads."""

_OF_MODELS = ("model.", "version.", "alias.")


@pages.get(ACTIVITY)
@requires(Permission.READ, lists=True)
def activity(visit: Visit) -> Response:
    """Show what happened to the models that the visitor may read."""
    return _page(visit, None)


@pages.get(MODEL_ACTIVITY)
@requires(Permission.READ)
def model_activity(visit: Visit, name: str) -> Response:
    """Show what happened to a model."""
    visit.registry.model(name)
    return _page(visit, name)


def _page(visit: Visit, model: str | None) -> Response:
    error: InvalidInputError | None = None
    found: EventList | None = None
    try:
        asked = EventQuestion.of(visit.query, visit.now, model=model)
        found = _without_routine(event_list(visit, asked, without=ROUTINE))
    except InvalidInputError as refused:
        error = refused
    return visit.page(
        "activity.html",
        status=200 if error is None else status_of(error),
        title="Activity" if model is None else f"Activity of {model}",
        model=model,
        **event_context(visit, found, error),
    )


def event_context(
    visit: Visit, found: EventList | None, error: PedigreeError | None
) -> dict[str, Any]:
    """Return what the templates of lists of events need.

    Args:
        visit: The visit.
        found: The list; None if the question cannot be read.
        error: Why it cannot be read.
    """
    return {
        "found": found,
        "typed": typed_in(visit.query) if found is None else found.asked.typed,
        "kinds": _kinds(sees_all=visit.principal.may(Permission.READ)),
        "error": error,
        "may_prove": visit.principal.may(Permission.AUDIT),
    }


def _kinds(*, sees_all: bool) -> tuple[str, ...]:
    """Return the types of events that one can choose: who may read some models sees no others."""
    kinds = sorted(each.value for each in EventType)
    return tuple(each for each in kinds if sees_all or each.startswith(_OF_MODELS))


def _without_routine(found: EventList) -> EventList:
    if found.asked.wanted.event_type is not None:
        return found
    return found._replace(rows=tuple(row for row in found.rows if not is_routine(row.event)))
