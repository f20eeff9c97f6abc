"""Approvals: what waits, what waits for the visitor, and the page on which one decides."""

from collections.abc import Sequence
from dataclasses import dataclass

from starlette.responses import Response

from pedigree.access.principal import Principal
from pedigree.access.records import Permission
from pedigree.errors import NotFoundError
from pedigree.lifecycle.decision_records import Decision, Explanation, StageRequest
from pedigree.lifecycle.records import StageRule
from pedigree.registry import Registry
from pedigree.server.http.auth import requires
from pedigree.server.http.pages import is_cut
from pedigree.server.web.action_kinds import expected
from pedigree.server.web.approval_lists import RECENT, recent_page
from pedigree.server.web.comparing import ComparedVersions, comparison
from pedigree.server.web.consequences import Subject, of_entering, subject_of
from pedigree.server.web.keys import key_before
from pedigree.server.web.links import APPROVALS, REVIEW
from pedigree.server.web.routes import Pages
from pedigree.server.web.visits import Visit

pages = Pages()

_QUEUE = 100
_DECISIONS = 100


@dataclass(frozen=True, kw_only=True)
class Review:
    """A request for a stage, with everything that a decision about it needs.

    Attributes:
        request: The request.
        subject: The version.
        rule: The rule of the stage; None if the policy no longer has it.
        explanation: Each gate, with its reason.
        decisions: What was decided about this transition, in the model's present state.
        needed: How many approvals it takes.
        comparison: The difference to the version that holds the stage; None without one.
        says: What happens when the last gate passes.
        bar: Why the visitor cannot decide; None if they can.
    """

    request: StageRequest
    subject: Subject
    rule: StageRule | None
    explanation: Explanation
    decisions: tuple[Decision, ...]
    needed: int
    comparison: ComparedVersions | None
    says: tuple[str, ...]
    bar: str | None

    @property
    def given(self) -> int:
        """How many have approved."""
        return len({each.decided_by for each in self.decisions if each.approved})


@pages.get(APPROVALS)
@requires(Permission.READ, lists=True)
def approvals(visit: Visit) -> Response:
    """Show the requests for stages: those that wait for the visitor, all, theirs, or decisions."""
    if visit.query.get("show") in RECENT:
        return recent_page(visit)
    shows_all = visit.query.get("show") == "all"
    found, next_after = _queue(visit, shows_all=shows_all)
    return visit.page(
        "approvals.html",
        lists=True,
        title="Approvals",
        queue=found,
        next_after=next_after,
        shows_all=shows_all,
        review=None,
        done=visit.query.get("done"),
        error=None,
        comment="",
    )


@pages.get(REVIEW)
@requires(Permission.READ, lists=True)
def review(visit: Visit, request_id: str) -> Response:
    """Show a request for a stage, and the form on which to decide about it."""
    return _review_page(visit, _request(visit.registry, request_id))


@pages.post(REVIEW, again=review)
@requires(Permission.DECIDE, lists=True)
def decide(visit: Visit, request_id: str) -> Response:
    """Approve or reject what a request asks for."""
    request = _request(visit.registry, request_id)
    reference = f"{request.model_name}/{request.version_id}"
    values = visit.form
    approves = values.get("verdict") == "approve"

    def work(registry: Registry) -> object:
        verb = registry.approve if approves else registry.reject
        return verb(
            reference,
            request.stage,
            comment=values.get("comment", ""),
            expected_generation=expected(values),
        )

    done = "approved" if approves else "rejected"
    return visit.act(work, visit.links.approvals({"done": done}))


def _queue(visit: Visit, *, shows_all: bool) -> tuple[tuple[StageRequest, ...], int | None]:
    after = int(key_before(visit.query, "after") or 0)
    registry = visit.registry
    waiting = registry.operations.stage_requests.requests_to_decide
    read = (registry.stage_requests if shows_all else waiting)(limit=_QUEUE + 1, after=after)
    page = read[:_QUEUE]
    return page, page[-1].request_id if len(read) > _QUEUE or is_cut(read) else None


def _request(registry: Registry, given: str) -> StageRequest:
    """Return an open request.

    Raises:
        NotFoundError: No open request has the number.
    """
    number = int(given) if given.isascii() and given.isdigit() and len(given) < 16 else 0
    for each in registry.stage_requests(limit=1, after=number - 1) if number else ():
        if each.request_id == number:
            return each
    raise NotFoundError(
        "no open request has this number: it may have been decided or withdrawn",
        field="request",
        value=given,
        remedy="Open the list of approvals, or the history of the version",
    )


def _review_page(visit: Visit, request: StageRequest) -> Response:
    queue, next_after = _queue(visit, shows_all=True)
    return visit.page(
        "approvals.html",
        watches=[(request.model_name, request.version_id)],
        title=f"{request.model_name} v{request.version_id} for {request.stage}",
        queue=queue,
        next_after=next_after,
        shows_all=True,
        review=_review(visit, request),
        done=None,
        error=visit.refused,
        comment=visit.form.get("comment", ""),
    )


def _review(visit: Visit, request: StageRequest) -> Review:
    registry = visit.registry
    subject = subject_of(registry, request.model_name, request.version_id)
    reference = subject.reference
    rule = subject.policy.rule(request.stage)
    explanation = registry.explain(reference, request.stage)
    decisions = tuple(
        each
        for each in registry.decisions(reference, limit=_DECISIONS)
        if (each.to_stage, each.generation) == (request.stage, explanation.generation)
    )
    holders = subject.holders(request.stage)
    other = f"{request.model_name}/{holders[-1]}" if holders else None
    asked = rule.approvals.count(subject.version.risk_class) if rule and rule.approvals else 0
    return Review(
        request=request,
        subject=subject,
        rule=rule,
        explanation=explanation,
        decisions=decisions,
        needed=asked,
        comparison=comparison(registry, other, reference) if other else None,
        says=tuple(of_entering(subject, request.stage)),
        bar=_bar(visit.principal, subject, rule, decisions),
    )


def _bar(
    principal: Principal, subject: Subject, rule: StageRule | None, decisions: Sequence[Decision]
) -> str | None:
    """Return why somebody cannot decide; None if they can, as far as it is known here."""
    if rule is None:
        return "The policy no longer has this stage."
    if subject.version.created_by == principal.shown_name:
        return "You registered this version, so others decide."
    if not principal.may(Permission.DECIDE, subject.model.name, rule.name, rule):
        people = ", ".join(rule.people(Permission.DECIDE))
        return f"You may not decide. {people or 'Somebody whose role or grant allows it'} may."
    if any(each.decided_by == principal.shown_name and each.approved for each in decisions):
        return "You have approved it."
    return None
