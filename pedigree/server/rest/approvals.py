"""Who said yes or no to a version's way into a stage."""

from pydantic import Field, StrictBool
from starlette.responses import Response

from pedigree._record import Record
from pedigree.access.records import Permission
from pedigree.contract import paths
from pedigree.lifecycle.decision_records import Decision
from pedigree.server.http.auth import requires, resource
from pedigree.server.http.requests import Name, Number, ReadCall, WriteCall
from pedigree.server.rest.stages import Generation, Stage

router = resource("stages")


class Judgement(Record):
    """A yes or no to a version's way into a stage."""

    stage: Stage
    approved: StrictBool
    comment: str = Field(min_length=1, description="Why; kept in the audit log")
    expected_generation: Generation = None


class Decisions(Record):
    """What people decided about a version, in its order."""

    decisions: tuple[Decision, ...]


@router.post(
    paths.APPROVALS,
    status_code=201,
    responses={201: {"model": Decision}},
)
@requires(Permission.DECIDE)
def decide(call: WriteCall, name: Name, version: Number, judgement: Judgement) -> Response:
    """Approve or reject a version's way into a stage; never by the version's author."""
    return call.write(
        lambda registry: (registry.approve if judgement.approved else registry.reject)(
            f"{name}/{version}",
            judgement.stage,
            comment=judgement.comment,
            expected_generation=judgement.expected_generation,
        ),
        status=201,
    )


@router.get(paths.APPROVALS, responses={200: {"model": Decisions}})
@requires(Permission.READ)
def list_decisions(call: ReadCall, name: Name, version: Number) -> Response:
    """List what people decided about a version."""
    return call.answer(Decisions(decisions=call.registry.decisions(f"{name}/{version}")))
