"""The audit log: its events, the proof of one of them, and whether it is unaltered."""

from json import dumps

from starlette.datastructures import QueryParams
from starlette.responses import Response

from pedigree.access.records import Permission
from pedigree.errors import InvalidInputError, NotFoundError, PedigreeError
from pedigree.server.http.auth import requires
from pedigree.server.http.problems import status_of
from pedigree.server.web.activity import event_context
from pedigree.server.web.event_lists import EventList, EventQuestion, event_list
from pedigree.server.web.event_words import said
from pedigree.server.web.keys import key_before
from pedigree.server.web.links import AUDIT, DOWNLOAD_LOG, VERIFY_LOG
from pedigree.server.web.routes import Pages
from pedigree.server.web.visits import Visit

pages = Pages()

MOST_DOWNLOADED = 1_000
"""How many events a download has at most."""


@pages.get(AUDIT)
@requires(Permission.AUDIT)
def audit(visit: Visit) -> Response:
    """Show the newest events, by who, what and when, or one event with its proof."""
    number = key_before(visit.query, "event")
    if number is not None:
        return _event(visit, number)
    try:
        found = event_list(visit, EventQuestion.of(visit.query, visit.now))
    except InvalidInputError as error:
        return _list(visit, None, error)
    return _list(visit, found, None)


def _list(visit: Visit, found: EventList | None, error: PedigreeError | None) -> Response:
    log = visit.registry.operations.audit
    return visit.page(
        "audit.html",
        status=200 if error is None else status_of(error),
        title="Audit",
        head=log.log_head(),
        checkpoint=log.log_checkpoint(),
        anchor=log.log_anchor(),
        keys=log.log_keys(),
        most_downloaded=MOST_DOWNLOADED,
        **event_context(visit, found, error),
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


def download_again(visit: Visit) -> Response:
    """Show the log with the reason why a download was refused."""
    return _list(visit, None, visit.refused)


@pages.post(DOWNLOAD_LOG, again=download_again)
@requires(Permission.AUDIT)
def download_log(visit: Visit) -> Response:
    """Answer with the newest events of a list as JSON lines, or with the proof of one event."""
    form = QueryParams({**visit.form})
    number = key_before(form, "event")
    if number is not None:
        proof = visit.registry.operations.audit.prove_event(number).proof
        return _file(proof, f"event-{number}.tlog-proof", "text/plain; charset=utf-8")
    asked = EventQuestion.of(form, visit.now)
    found = visit.registry.operations.activity.recent_events(asked.wanted, limit=MOST_DOWNLOADED)
    lines = "".join(f"{event.model_dump_json()}\n" for event in found.events)
    return _file(lines, "events.jsonl", "application/x-ndjson")


def _file(text: str, name: str, media_type: str) -> Response:
    headers = {
        "Content-Disposition": f'attachment; filename="{name}"',
        "Cache-Control": "no-store",
        "X-Content-Type-Options": "nosniff",
    }
    return Response(text, headers=headers, media_type=media_type)


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
