"""Stages: what moves a version, who said yes, what it waits for, and who held what when."""

from collections.abc import Callable
from functools import partial
from typing import Annotated

from fastapi import Path, Query
from pydantic import Field, StrictBool
from starlette.responses import Response

from pedigree._record import LARGEST, NUMBER, Record
from pedigree.access.records import Permission
from pedigree.catalog.records import ModelVersion
from pedigree.errors import StageEmptyError
from pedigree.lifecycle.decision_records import (
    Candidacy,
    Decision,
    Explanation,
    GivenUp,
    StageRequest,
)
from pedigree.lifecycle.records import CHAMPION_STAGE, Move, RecordedVerdict, Tenure
from pedigree.registry import Registry
from pedigree.server.http.auth import requires, resource
from pedigree.server.http.parameters import DIGITS, Pointer
from pedigree.server.http.requests import ChangeCall, Limit, Name, Number, Page, ReadCall, WriteCall

router = resource("stages")

Stage = Annotated[str, Field(min_length=1, max_length=255)]
StageInPath = Annotated[str, Path(min_length=1, max_length=255, description="A stage")]
Generation = Annotated[
    Annotated[int, Field(ge=0, le=LARGEST), NUMBER] | None,
    Field(description="The model's generation that the caller saw"),
]

RequestId = Annotated[
    int | None,
    Query(ge=0, le=2**53 - 1, description="The last request_id of the page before"),
    DIGITS,
]


class Transition(Record):
    """A stage that a version shall enter."""

    stage: Stage
    reason: str | None = Field(default=None, description="Why, for the timeline")
    expected_generation: Generation = None
    request: StrictBool = Field(
        default=False,
        description="Keep it as a request where a gate is not passed: it is done with the last one",
    )


class Judgement(Record):
    """A yes or no to a version's way into a stage."""

    stage: Stage
    approved: StrictBool
    comment: str = Field(min_length=1, description="Why; kept in the audit log")
    expected_generation: Generation = None


class Rollback(Record):
    """A stage that shall return to the version that held it before."""

    stage: Stage = CHAMPION_STAGE
    reason: str | None = Field(default=None, description="Why, for the timeline")
    expected_generation: Generation = None


class Retry(Record):
    """A promotion that the sensor gave up, and shall try again."""

    stage: Stage
    reason: str | None = Field(default=None, description="Why; kept in the audit log")


class Explained(Record):
    """How a version stands before a stage: the answer, and the gates that it comes from."""

    may_enter: bool
    waits_for: tuple[str, ...]
    explanation: Explanation


class Decisions(Record):
    """What people decided about a version, in its order."""

    decisions: tuple[Decision, ...]


class Verdicts(Record):
    """The newest verdict of each check on a version."""

    verdicts: tuple[RecordedVerdict, ...]


@router.post(
    "/models/{name}/versions/{version}/stage",
    responses={
        200: {"model": Move},
        202: {"model": StageRequest, "description": "It waits for its gates"},
    },
)
@requires(Permission.REQUEST)
def move(call: ChangeCall, name: Name, version: Number, wanted: Transition) -> Response:
    """Let a version enter a stage: 409 with what it waits for, where a gate is not passed.

    With `request` it is 202 then, and is done when the last gate is passed. Without, it takes the
    permission to move.
    """
    reference = f"{name}/{version}"
    if not wanted.request:
        call.caller.require(Permission.MOVE)

    def work(registry: Registry) -> Move | StageRequest:
        ask: Callable[..., Move | StageRequest] = registry.promote
        if wanted.request:
            only_asks = Permission.MOVE not in call.caller.permissions
            ask = partial(registry.request_stage, only_asks=only_asks)
        return ask(
            reference,
            wanted.stage,
            reason=wanted.reason,
            expected_generation=wanted.expected_generation,
        )

    return call.of(lambda registry: registry.get(reference)).write(
        work, status=lambda answer: 200 if isinstance(answer, Move) else 202
    )


@router.delete(
    "/models/{name}/versions/{version}/requests/{stage}",
    responses={200: {"model": tuple[StageRequest, ...]}},
)
@requires(Permission.REQUEST)
def withdraw_request(
    call: WriteCall,
    name: Name,
    version: Number,
    stage: StageInPath,
    reason: Annotated[str | None, Query(max_length=2000, description="Why")] = None,
) -> Response:
    """Take back that a version enter a stage; who may not move versions takes back their own."""
    only_asks = Permission.MOVE not in call.caller.permissions
    return call.write(
        lambda registry: registry.withdraw_request(
            f"{name}/{version}", stage, reason=reason, only_asks=only_asks
        )
    )


@router.post("/models/{name}/versions/{version}/retries", responses={200: {"model": GivenUp}})
@requires(Permission.MOVE)
def retry_promotion(call: WriteCall, name: Name, version: Number, wanted: Retry) -> Response:
    """Let the promotion sensor try again what it gave up; 404 where it gave up nothing."""
    return call.write(
        lambda registry: registry.retry_promotion(
            f"{name}/{version}", wanted.stage, reason=wanted.reason
        )
    )


@router.get("/requests", responses={200: {"model": Page[StageRequest]}})
@requires(Permission.READ)
def list_requests(call: ReadCall, limit: Limit = 100, after: RequestId = None) -> Response:
    """List the stages that were asked for and wait for gates, the oldest request first."""
    found = call.registry.stage_requests(limit=limit + 1, after=after)
    return call.page(found, limit, lambda request: request.request_id)


@router.get("/models/{name}/requests", responses={200: {"model": Page[StageRequest]}})
@requires(Permission.READ)
def list_requests_of_model(
    call: ReadCall, name: Name, limit: Limit = 100, after: RequestId = None
) -> Response:
    """List the stages that were asked for a model's versions, the oldest request first."""
    found = call.registry.stage_requests(name, limit=limit + 1, after=after)
    return call.page(found, limit, lambda request: request.request_id)


@router.get("/models/{name}/stages/{stage}", responses={200: {"model": ModelVersion}})
@requires(Permission.READ)
def get_holder(call: ReadCall, name: Name, stage: StageInPath) -> Response:
    """Return the version that took a stage last and holds it still."""
    found = call.registry.holder(name, stage)
    if found is None:
        raise StageEmptyError(
            f"no version of {name} holds it",
            field="stage",
            value=stage,
            remedy="Look at the model, which says what its versions hold",
        )
    return call.answer(found)


@router.get(
    "/models/{name}/versions/{version}/candidacies",
    responses={200: {"model": tuple[Candidacy, ...]}},
)
@requires(Permission.READ)
def list_candidacies(call: ReadCall, name: Name, version: Number) -> Response:
    """Say what a version waited for when it was last looked at, by stage."""
    return call.answer(call.registry.candidacies(f"{name}/{version}"))


@router.post("/models/{name}/rollback", responses={200: {"model": Move}})
@requires(Permission.MOVE)
def roll_back(call: ChangeCall, name: Name, wanted: Rollback) -> Response:
    """Return a stage to the version that held it before; the present one is archived."""
    return call.of(lambda registry: registry.model(name)).write(
        lambda registry: registry.rollback(
            name,
            stage=wanted.stage,
            reason=wanted.reason,
            expected_generation=wanted.expected_generation,
        )
    )


@router.post(
    "/models/{name}/versions/{version}/approvals",
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


@router.get("/models/{name}/versions/{version}/approvals", responses={200: {"model": Decisions}})
@requires(Permission.READ)
def list_decisions(call: ReadCall, name: Name, version: Number) -> Response:
    """List what people decided about a version."""
    return call.answer(Decisions(decisions=call.registry.decisions(f"{name}/{version}")))


@router.get("/models/{name}/versions/{version}/verdicts", responses={200: {"model": Verdicts}})
@requires(Permission.READ)
def list_verdicts(call: ReadCall, name: Name, version: Number) -> Response:
    """List the newest verdict of each check on a version."""
    return call.answer(Verdicts(verdicts=call.registry.verdicts(f"{name}/{version}")))


@router.get("/models/{name}/versions/{version}/explain", responses={200: {"model": Explained}})
@requires(Permission.READ)
def explain(
    call: ReadCall,
    name: Name,
    version: Number,
    to: Annotated[str, Query(min_length=1, max_length=255, description="The stage")],
    automatic: Annotated[bool, Query(description="As the sensor would ask, not a person")] = False,
) -> Response:
    """Say how a version stands before every gate of a stage, if the caller asked for it."""
    found = call.registry.explain(f"{name}/{version}", to, automatic=automatic)
    return call.answer(
        Explained(may_enter=found.passed, waits_for=found.waits_for, explanation=found)
    )


@router.get("/models/{name}/timeline", responses={200: {"model": Page[Tenure]}})
@requires(Permission.READ)
def timeline(
    call: ReadCall,
    name: Name,
    pointer: Pointer = None,
    limit: Limit = 100,
    before: Annotated[
        int | None,
        Query(ge=0, le=2**53 - 1, description="The first tenure_id of the page after"),
        DIGITS,
    ] = None,
) -> Response:
    """Say which version held which stage and alias and when: the newest tenures, in order."""
    found = call.registry.timeline(name, pointer, limit=limit + 1, before=before)
    items = found[-limit:]
    further = str(items[0].tenure_id) if len(found) > limit else None
    return call.paged({"items": items, "next": further}, further, "before")
