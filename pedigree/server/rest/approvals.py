"""Decisions about a version's transition into a stage: approvals, rejections and overrides."""

from pydantic import Field, StrictBool
from starlette.responses import Response

from pedigree._record import Record
from pedigree.access.records import Permission
from pedigree.contract import paths
from pedigree.lifecycle.decision_records import Decision, StageOverride
from pedigree.lifecycle.records import Move
from pedigree.server.http.auth import requires
from pedigree.server.http.pages import Page
from pedigree.server.http.parameters import AfterId, Limit, Name, Number
from pedigree.server.http.requests import ReadCall, WriteCall
from pedigree.server.http.resources import resource
from pedigree.server.rest.stages import Generation, Stage

router = resource("stages")


class Judgement(Record):
    """An approval or rejection of a version's transition into a stage."""

    stage: Stage
    approved: StrictBool
    comment: str = Field(min_length=1, description="The reason, for the audit log")
    expected_generation: Generation = None


class Override(Record):
    """A stage that a version enters past gates that it has not passed."""

    stage: Stage
    reason: str = Field(min_length=1, description="The reason, for the audit log and the timeline")
    expected_generation: Generation = None


@router.post(
    paths.APPROVALS,
    status_code=201,
    responses={201: {"model": Decision}},
)
@requires(Permission.DECIDE)
def decide(call: WriteCall, name: Name, version: Number, judgement: Judgement) -> Response:
    """Approve or reject a version's transition into a stage; its author may not."""
    return call.write(
        lambda registry: (registry.approve if judgement.approved else registry.reject)(
            f"{name}/{version}",
            judgement.stage,
            comment=judgement.comment,
            expected_generation=judgement.expected_generation,
        ),
        status=201,
    )


@router.get(paths.APPROVALS, responses={200: {"model": Page[Decision]}})
@requires(Permission.READ)
def list_decisions(
    call: ReadCall, name: Name, version: Number, limit: Limit = 100, after: AfterId = 0
) -> Response:
    """List the approvals and rejections of a version, the oldest first."""
    found = call.registry.decisions(f"{name}/{version}", limit=limit + 1, after=after)
    return call.page(found, limit, lambda decision: decision.decision_id)


@router.post(paths.OVERRIDES, responses={200: {"model": Move}})
@requires(Permission.OVERRIDE)
def override(call: WriteCall, name: Name, version: Number, wanted: Override) -> Response:
    """Let a version enter a stage although it has not passed every gate; its author may not.

    It voids no approval, and the version always shows it.
    """
    return call.write(
        lambda registry: registry.override(
            f"{name}/{version}",
            wanted.stage,
            reason=wanted.reason,
            expected_generation=wanted.expected_generation,
        )
    )


@router.get(paths.OVERRIDES, responses={200: {"model": Page[StageOverride]}})
@requires(Permission.READ)
def list_overrides(
    call: ReadCall, name: Name, version: Number, limit: Limit = 100, after: AfterId = 0
) -> Response:
    """List the overrides of a version, the oldest first."""
    found = call.registry.overrides(f"{name}/{version}", limit=limit + 1, after=after)
    return call.page(found, limit, lambda each: each.override_id)
