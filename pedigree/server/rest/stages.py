"""What moves a version, and who held what when."""

from collections.abc import Callable
from typing import Annotated

from fastapi import Path, Query
from pydantic import Field, StrictBool
from starlette.responses import Response

from pedigree._record import LARGEST, NUMBER, Record
from pedigree.access.records import Permission
from pedigree.catalog.records import ModelVersion
from pedigree.contract import paths
from pedigree.errors import StageEmptyError
from pedigree.lifecycle.decision_records import StageRequest
from pedigree.lifecycle.records import CHAMPION_STAGE, Move, Tenure
from pedigree.registry import Registry
from pedigree.server.http.auth import requires, resource
from pedigree.server.http.parameters import DIGITS, Moment, Pointer
from pedigree.server.http.requests import ChangeCall, Limit, Name, Number, Page, ReadCall

router = resource("stages")

Stage = Annotated[str, Field(min_length=1, max_length=255)]
StageInPath = Annotated[str, Path(min_length=1, max_length=255, description="A stage")]
Generation = Annotated[
    Annotated[int, Field(ge=0, le=LARGEST), NUMBER] | None,
    Field(description="The model's generation that the caller saw"),
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


class Rollback(Record):
    """A stage that shall return to the version that held it before."""

    stage: Stage = CHAMPION_STAGE
    reason: str | None = Field(default=None, description="Why, for the timeline")
    expected_generation: Generation = None


@router.post(
    paths.VERSION_STAGE,
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

    def work(registry: Registry) -> Move | StageRequest:
        ask: Callable[..., Move | StageRequest] = (
            registry.request_stage if wanted.request else registry.promote
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


@router.get(paths.STAGE, responses={200: {"model": ModelVersion}})
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


@router.post(paths.ROLLBACK, responses={200: {"model": Move}})
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


@router.get(paths.TIMELINE, responses={200: {"model": Page[Tenure]}})
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


@router.get(paths.AS_OF, tags=["history"], responses={200: {"model": tuple[Tenure, ...]}})
@requires(Permission.READ)
def get_as_of(
    call: ReadCall,
    name: Name,
    moment: Annotated[Moment, Query(description="When")],
    pointer: Pointer = None,
) -> Response:
    """Say what a model's stages and aliases pointed to at a moment, who moved them, and why."""
    return call.answer(call.registry.as_of(name, moment, pointer))


@router.get(paths.TENURES, tags=["history"], responses={200: {"model": tuple[Tenure, ...]}})
@requires(Permission.READ)
def list_tenures(call: ReadCall, name: Name, version: Number) -> Response:
    """Say which stages and aliases a version held and when, the oldest tenure first."""
    return call.answer(call.registry.tenures(f"{name}/{version}"))
