"""How versions came to be and what they held; in what two of them differ."""

from typing import Annotated

from fastapi import Query
from starlette.responses import Response

from pedigree.access.records import Permission
from pedigree.catalog.diff_records import LineageDifference, VersionComparison
from pedigree.catalog.records import RetrainRequest, Training, Unmaterialized
from pedigree.lifecycle.records import Tenure
from pedigree.lineage.staleness import Staleness
from pedigree.lineage.usages import Downstream
from pedigree.server.http.auth import requires, resource
from pedigree.server.http.parameters import DIGITS, Moment, Pointer
from pedigree.server.http.requests import Limit, Name, Number, Page, ReadCall

router = resource("history")

VERSION = "/models/{name}/versions/{version}"
Reference = Annotated[
    str,
    Query(
        min_length=1,
        max_length=1024,
        description="NAME/3, NAME@champion, NAME@production",
        json_schema_extra={
            "pattern": r"^[^\s./\\:@%#][^/\\:@%#]{0,200}[^\s./\\:@%#](/[1-9]\d{0,8}|@[\w-]+)$"
        },
    ),
]


@router.get(f"{VERSION}/trainings", responses={200: {"model": Page[Training]}})
@requires(Permission.READ)
def list_trainings(
    call: ReadCall,
    name: Name,
    version: Number,
    limit: Limit = 100,
    after: Annotated[
        str | None, Query(max_length=255, description="The training_id of the page before")
    ] = None,
) -> Response:
    """List the runs that produced a version's bytes, the first one first."""
    found = call.registry.trainings(f"{name}/{version}", limit=limit + 1, after=after)
    return call.page(found, limit, lambda training: training.training_id)


@router.get(f"{VERSION}/environment", responses={200: {"model": tuple[str, ...]}})
@requires(Permission.READ)
def get_environment(call: ReadCall, name: Name, version: Number) -> Response:
    """List the packages that a version was trained with; none where that is not known."""
    return call.answer(call.registry.environment(f"{name}/{version}"))


@router.get(f"{VERSION}/tenures", responses={200: {"model": tuple[Tenure, ...]}})
@requires(Permission.READ)
def list_tenures(call: ReadCall, name: Name, version: Number) -> Response:
    """Say which stages and aliases a version held and when, the oldest tenure first."""
    return call.answer(call.registry.tenures(f"{name}/{version}"))


@router.get(f"{VERSION}/staleness", responses={200: {"model": Staleness}})
@requires(Permission.READ)
def get_staleness(call: ReadCall, name: Name, version: Number) -> Response:
    """Say how many data and code versions a version is behind, as it was last seen."""
    return call.answer(call.registry.stale(f"{name}/{version}"))


@router.get(f"{VERSION}/downstream", responses={200: {"model": Downstream}})
@requires(Permission.READ)
def get_downstream(
    call: ReadCall,
    name: Name,
    version: Number,
    limit: Limit = 100,
    before: Annotated[
        int | None, Query(ge=0, lt=2**63, description="The usage_id that a page ended with"), DIGITS
    ] = None,
) -> Response:
    """Return what was written with exactly this version, and the versions trained on it."""
    return call.answer(call.registry.downstream(f"{name}/{version}", limit=limit, before=before))


@router.get(f"{VERSION}/retraining", responses={200: {"model": RetrainRequest}})
@requires(Permission.READ)
def get_retraining(call: ReadCall, name: Name, version: Number) -> Response:
    """Say how the newest training of a version was run, so that a run can repeat it."""
    return call.answer(call.registry.retrain_like(f"{name}/{version}"))


@router.get("/models/{name}/as-of", responses={200: {"model": tuple[Tenure, ...]}})
@requires(Permission.READ)
def get_as_of(
    call: ReadCall,
    name: Name,
    moment: Annotated[Moment, Query(description="When")],
    pointer: Pointer = None,
) -> Response:
    """Say what a model's stages and aliases pointed to at a moment, who moved them, and why."""
    return call.answer(call.registry.as_of(name, moment, pointer))


@router.get("/unmaterialized", responses={200: {"model": tuple[Unmaterialized, ...]}})
@requires(Permission.READ)
def list_unmaterialized(
    call: ReadCall, reference: Reference | None = None, limit: Limit = 100
) -> Response:
    """List the trainings that no asset graph shows, their instance being out of reach."""
    return call.answer(call.registry.unmaterialized(reference, limit=limit))


@router.get("/compare", responses={200: {"model": VersionComparison}})
@requires(Permission.READ)
def compare(call: ReadCall, a: Reference, b: Reference) -> Response:
    """Say in what version b differs from version a; they may be of two models."""
    return call.answer(call.registry.compare(a, b))


@router.get("/diff", responses={200: {"model": LineageDifference}})
@requires(Permission.READ)
def diff(call: ReadCall, a: Reference, b: Reference) -> Response:
    """Say in what the lineage of version b differs from that of version a."""
    return call.answer(call.registry.diff(a, b))
