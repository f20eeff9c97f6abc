"""The audit log: its events, the proof of one of them, and whether it is unaltered."""

from collections.abc import Sequence
from json import dumps

from starlette.responses import Response

from pedigree.access.records import Permission
from pedigree.audit.event_types import EventType
from pedigree.audit.records import Event
from pedigree.errors import InvalidInputError, NotFoundError
from pedigree.server.http.auth import requires
from pedigree.server.web.event_words import said
from pedigree.server.web.keys import key_before
from pedigree.server.web.links import AUDIT, VERIFY_LOG
from pedigree.server.web.routes import Pages
from pedigree.server.web.visits import Visit

pages = Pages()

_EVENTS = 50


@pages.get(AUDIT)
@requires(Permission.AUDIT)
def audit(visit: Visit) -> Response:
    """Show the newest events, those of a model or a type, or one event with its proof."""
    number = key_before(visit.query, "event")
    if number is not None:
        return _event(visit, number)
    model = visit.query.get("model", "").strip() or None
    kind = _kind(visit.query.get("type", "").strip())
    log = visit.registry.operations.audit
    head = log.log_head()
    if model or kind:
        events, newer, older = _chosen(visit, model, kind)
    else:
        events, newer, older = _newest(visit, head)
    return visit.page(
        "audit.html",
        title="Audit",
        head=head,
        checkpoint=log.log_checkpoint(),
        anchor=log.log_anchor(),
        keys=log.log_keys(),
        events=[(each, said(each)) for each in events],
        newer=newer,
        older=older,
        model=model or "",
        kind=kind.value if kind else "",
        kinds=sorted(each.value for each in EventType),
    )


@pages.get(VERIFY_LOG)
@requires(Permission.AUDIT)
def verify_log(visit: Visit) -> Response:
    """Check the whole log now, against its checkpoints and anchors, and show what was found.

    A log that was never sealed cannot be checked, and the page says so.
    """
    log = visit.registry.operations.audit
    # Without a checkpoint there is nothing to compare the events with, which is no alteration.
    report = log.verify_log() if log.log_checkpoint() is not None else None
    return visit.page("audit_verified.html", title="Is the log unaltered?", report=report)


def _event(visit: Visit, number: int) -> Response:
    found = visit.registry.events(number - 1, 1)
    if not found or found[0].seq != number:
        raise NotFoundError(
            "the log has no such event", field="event", value=number, remedy="Open the audit log"
        )
    (event,) = found
    try:
        proof: str | None = visit.registry.operations.audit.prove_event(number).proof
        why = None
    except NotFoundError as error:  # not sealed yet, or no key seals the log
        proof, why = None, str(error)
    return visit.page(
        "audit_event.html",
        title=f"Event {number}",
        event=event,
        said=said(event),
        body=dumps(event.model_dump(mode="json"), ensure_ascii=False, indent=2),
        proof=proof,
        why=why,
    )


def _newest(visit: Visit, head: int) -> tuple[Sequence[Event], int | None, int | None]:
    """Return the events before a place of the feed, the newest first, and the places around."""
    before = min(key_before(visit.query) or head + 1, head + 1)
    start = max(0, before - 1 - _EVENTS)
    events = visit.registry.events(start, before - 1 - start) if before > 1 else ()
    return events[::-1], None, start + 1 if start else None


def _chosen(
    visit: Visit, model: str | None, kind: EventType | None
) -> tuple[Sequence[Event], int | None, int | None]:
    """Return events of a model or a type, the oldest first, and where they go on."""
    after = key_before(visit.query, "after") or 0
    types = None if kind is None else (kind,)
    events = visit.registry.events(after, _EVENTS + 1, types=types, model=model)
    shown = events[:_EVENTS]
    return shown, shown[-1].seq if len(events) > _EVENTS else None, None


def _kind(given: str) -> EventType | None:
    """Return a type of events; None if none is given.

    Raises:
        InvalidInputError: There is no such type.
    """
    if not given:
        return None
    try:
        return EventType(given)
    except ValueError:
        raise InvalidInputError(
            "is not a type of events",
            field="type",
            value=given,
            remedy="Choose one in the list",
        ) from None
