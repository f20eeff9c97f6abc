"""Pending promotions: their gates, and those that the sensor gave up."""

from typing import Annotated

from fastapi import Query
from pydantic import Field
from starlette.responses import Response

from pedigree._record import Record
from pedigree.access.records import Permission
from pedigree.contract import paths
from pedigree.lifecycle.decision_records import Candidacy, Explanation, GivenUp
from pedigree.server.http.auth import requires
from pedigree.server.http.pages import Page
from pedigree.server.http.parameters import Limit, Name, Number
from pedigree.server.http.requests import ReadCall, WriteCall
from pedigree.server.http.resources import resource
from pedigree.server.rest.stages import Stage

router = resource("stages")


class Retry(Record):
    """A promotion that the sensor gave up and should retry."""

    stage: Stage
    reason: str | None = Field(default=None, description="The reason, for the audit log")


class Explained(Record):
    """Whether a version may enter a stage, and the gates that decide it."""

    may_enter: bool
    waits_for: tuple[str, ...]
    explanation: Explanation


@router.get(paths.EXPLANATION, responses={200: {"model": Explained}})
@requires(Permission.READ)
def explain(
    call: ReadCall,
    name: Name,
    version: Number,
    to: Annotated[str, Query(min_length=1, max_length=255, description="The stage")],
    automatic: Annotated[
        bool, Query(description="Explain a promotion by the sensor instead of by a person")
    ] = False,
) -> Response:
    """Return a version's state at every gate of a stage, for a promotion by the caller."""
    found = call.registry.explain(f"{name}/{version}", to, automatic=automatic)
    return call.answer(
        Explained(may_enter=found.passed, waits_for=found.waits_for, explanation=found)
    )


@router.get(
    paths.CANDIDACIES,
    responses={200: {"model": Page[Candidacy]}},
)
@requires(Permission.READ)
def list_candidacies(
    call: ReadCall,
    name: Name,
    version: Number,
    limit: Limit = 100,
    after: Annotated[
        str | None, Query(max_length=255, description="The last stage of the previous page")
    ] = None,
) -> Response:
    """Return the gates that a version waited for when last evaluated, by stage."""
    found = call.registry.candidacies(f"{name}/{version}", limit=limit + 1, after=after)
    return call.page(found, limit, lambda candidacy: candidacy.stage)


@router.post(paths.RETRIES, responses={200: {"model": GivenUp}})
@requires(Permission.MOVE)
def retry_promotion(call: WriteCall, name: Name, version: Number, wanted: Retry) -> Response:
    """Make the promotion sensor retry a promotion that it gave up; 404 if it gave up none."""
    return call.write(
        lambda registry: registry.retry_promotion(
            f"{name}/{version}", wanted.stage, reason=wanted.reason
        )
    )
