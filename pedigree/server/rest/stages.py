"""Stages: move versions into them, and read which version held them when."""

from collections.abc import Callable
from functools import partial
from typing import Annotated, Self

from fastapi import Path, Query
from pydantic import Field, StrictBool, model_validator
from starlette.responses import Response

from pedigree._record import LARGEST, NUMBER, Record
from pedigree.access.records import Permission
from pedigree.catalog.records import ModelVersion
from pedigree.contract import paths
from pedigree.errors import StageEmptyError
from pedigree.lifecycle.decision_records import StageRequest
from pedigree.lifecycle.records import CHAMPION_STAGE, Move, Tenure
from pedigree.registry import Registry
from pedigree.server.http.auth import requires
from pedigree.server.http.pages import Page
from pedigree.server.http.parameters import (
    DIGITS,
    AfterId,
    AfterKnownId,
    Limit,
    Moment,
    Name,
    Number,
    Pointer,
)
from pedigree.server.http.requests import ChangeCall, ReadCall
from pedigree.server.http.resources import resource

router = resource("stages")

Stage = Annotated[str, Field(min_length=1, max_length=255)]
StageInPath = Annotated[str, Path(min_length=1, max_length=255, description="A stage")]
Generation = Annotated[
    Annotated[int, Field(ge=0, le=LARGEST), NUMBER] | None,
    Field(description="The model's generation that the caller read"),
]


class Transition(Record):
    """A transition of a version into a stage."""

    stage: Stage
    reason: str | None = Field(default=None, description="The reason, for the timeline")
    expected_generation: Generation = None
    archive_existing: StrictBool = Field(
        default=False, description="Archive all other versions that hold the stage"
    )
    request: StrictBool = Field(
        default=False,
        description="If a gate is not passed, keep it as a request until the last gate is",
    )

    @model_validator(mode="after")
    def _archives_at_once(self) -> Self:
        if self.request and self.archive_existing:
            raise ValueError("a request that waits archives no other versions: give one of the two")
        return self


class Rollback(Record):
    """A stage to roll back to its previous version."""

    stage: Stage = CHAMPION_STAGE
    reason: str | None = Field(default=None, description="The reason, for the timeline")
    expected_generation: Generation = None


@router.post(
    paths.VERSION_STAGE,
    responses={
        200: {"model": Move},
        202: {"model": StageRequest, "description": "The request waits for its gates"},
    },
)
@requires(Permission.REQUEST)
def move(call: ChangeCall, name: Name, version: Number, wanted: Transition) -> Response:
    """Promote a version into a stage: 409 lists what is missing if a gate is not passed.

    With `request` the answer is then 202, and the version enters the stage when the last gate is
    passed. Without `request`, the caller needs the permission to move versions.
    """
    reference = f"{name}/{version}"

    def work(registry: Registry) -> Move | StageRequest:
        ask: Callable[..., Move | StageRequest] = (
            registry.request_stage
            if wanted.request
            else partial(registry.promote, archive_existing=wanted.archive_existing)
        )
        return ask(
            reference,
            wanted.stage,
            reason=wanted.reason,
            expected_generation=wanted.expected_generation,
        )

    return call.of(lambda registry: registry.get(reference)).write(
        work, status=lambda answer: 200 if isinstance(answer, Move) else 202
    )


@router.delete(paths.VERSION_STAGE, responses={200: {"model": Move}})
@requires(Permission.MOVE)
def demote(
    call: ChangeCall,
    name: Name,
    version: Number,
    reason: Annotated[str | None, Query(max_length=2000, description="Why")] = None,
    expected_generation: Annotated[
        int | None,
        Query(ge=0, le=LARGEST, description="The model's generation that the caller read"),
        DIGITS,
    ] = None,
) -> Response:
    """Let a version leave its stage and be in none, where the policy has this way back."""
    reference = f"{name}/{version}"
    return call.of(lambda registry: registry.get(reference)).write(
        lambda registry: registry.demote(
            reference, reason=reason, expected_generation=expected_generation
        )
    )


@router.get(paths.STAGE, responses={200: {"model": ModelVersion}})
@requires(Permission.READ)
async def get_holder(call: ReadCall, name: Name, stage: StageInPath) -> Response:
    """Return the version that entered a stage last and is still in it."""
    found = await call.point_reads.holder(call.registry, name, stage)
    if found is None:
        raise StageEmptyError(
            f"no version of {name} holds it",
            field="stage",
            value=stage,
            remedy="Read the model, which lists its stages and their versions",
        )
    return call.answer_json(found)


@router.post(paths.ROLLBACK, responses={200: {"model": Move}})
@requires(Permission.MOVE)
def roll_back(call: ChangeCall, name: Name, wanted: Rollback) -> Response:
    """Roll a stage back to its previous version; the current one is archived."""
    return call.of(lambda registry: registry.model(name)).write(
        lambda registry: registry.rollback(
            name,
            stage=wanted.stage,
            reason=wanted.reason,
            expected_generation=wanted.expected_generation,
        )
    )


@router.get(paths.TIMELINE, responses={200: {"model": Page[Tenure]}})
@requires(Permission.READ)
def timeline(
    call: ReadCall,
    name: Name,
    pointer: Pointer = None,
    limit: Limit = 100,
    before: Annotated[
        int | None,
        Query(ge=0, le=2**53 - 1, description="The first tenure_id of the page that follows"),
        DIGITS,
    ] = None,
) -> Response:
    """Return which version held which stage or alias when: the newest tenures, in order."""
    found = call.registry.timeline(name, pointer, limit=limit + 1, before=before)
    return call.page_before(found, limit, lambda tenure: tenure.tenure_id)


@router.get(paths.AS_OF, tags=["history"], responses={200: {"model": Page[Tenure]}})
@requires(Permission.READ)
def get_as_of(
    call: ReadCall,
    name: Name,
    *,
    moment: Annotated[Moment, Query(description="The time, with a time zone")],
    pointer: Pointer = None,
    limit: Limit = 100,
    after: AfterKnownId = None,
) -> Response:
    """Return what a model's stages and aliases pointed to at a time, who moved them, and why."""
    found = call.registry.as_of(name, moment, pointer, limit=limit + 1, after=after)
    return call.page(found, limit, lambda tenure: tenure.tenure_id)


@router.get(paths.TENURES, tags=["history"], responses={200: {"model": Page[Tenure]}})
@requires(Permission.READ)
def list_tenures(
    call: ReadCall, name: Name, version: Number, limit: Limit = 100, after: AfterId = 0
) -> Response:
    """Return which stages and aliases a version held when, the oldest tenure first."""
    found = call.registry.tenures(f"{name}/{version}", limit=limit + 1, after=after)
    return call.page(found, limit, lambda tenure: tenure.tenure_id)
