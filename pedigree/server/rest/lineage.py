"""Upstream and downstream of versions."""

from typing import Annotated

from fastapi import Query
from starlette.responses import Response

from pedigree.access.records import Permission
from pedigree.catalog.diff_records import LineageDifference
from pedigree.catalog.training_records import RetrainRequest, Unmaterialized
from pedigree.contract import paths
from pedigree.lifecycle.impact_records import Impact
from pedigree.lineage.records import LineageGraph
from pedigree.lineage.upstream import Upstream
from pedigree.lineage.usages import Downstream
from pedigree.server.http.auth import requires
from pedigree.server.http.fair_use import Use
from pedigree.server.http.pages import Page
from pedigree.server.http.parameters import DIGITS, Limit, Moment, Name, Number
from pedigree.server.http.requests import ReadCall
from pedigree.server.http.resources import resource
from pedigree.server.rest.versions import Reference

router = resource("history")

Newest = Annotated[bool, Query(description="Read the newest training instead of the first")]


@router.get(paths.LINEAGE, tags=["provenance"], responses={200: {"model": LineageGraph}})
@requires(Permission.READ)
def get_lineage(call: ReadCall, name: Name, version: Number, newest: Newest = False) -> Response:
    """Return the graph of what a version was trained on, up to the known sources."""
    return call.answer(call.registry.lineage(f"{name}/{version}", newest=newest))


@router.get(paths.UPSTREAM, tags=["provenance"], responses={200: {"model": Upstream}})
@requires(Permission.READ)
def get_upstream(call: ReadCall, name: Name, version: Number, newest: Newest = False) -> Response:
    """List every asset and partition that a version depends on, and what is unknown."""
    return call.answer(call.registry.upstream(f"{name}/{version}", newest=newest))


@router.get(paths.IMPACT, tags=["provenance"], responses={200: {"model": Impact}})
@requires(Permission.READ, lists=True, use=Use.SEARCHES)
def get_impact(
    call: ReadCall,
    *,
    asset: Annotated[
        str, Query(min_length=1, max_length=512, description="The asset's key, parts joined by /")
    ],
    partition: Annotated[str | None, Query(max_length=512)] = None,
    since: Annotated[
        Moment | None, Query(description="Only data recorded from this time on")
    ] = None,
    limit: Limit = 100,
    after: Annotated[
        str | None, Query(max_length=1024, description="The cursor next of the previous page")
    ] = None,
) -> Response:
    """List the versions that depend on data: certainly, possibly, or with unknown lineage."""
    found = call.registry.impact(asset, partition, since=since, limit=limit, after=after)
    return call.paged(found, found.next)


@router.get(paths.DOWNSTREAM, responses={200: {"model": Downstream}})
@requires(Permission.READ)
def get_downstream(
    call: ReadCall,
    name: Name,
    version: Number,
    limit: Limit = 100,
    before: Annotated[
        int | None, Query(ge=0, lt=2**63, description="The last usage_id of a page"), DIGITS
    ] = None,
) -> Response:
    """Return what was written with exactly this version, and the versions trained on that."""
    found = call.registry.downstream(f"{name}/{version}", limit=limit, before=before)
    further = None if found.next is None else str(found.next)
    return call.paged(found, further, "before")


@router.get(paths.RETRAINING, responses={200: {"model": RetrainRequest}})
@requires(Permission.READ)
def get_retraining(call: ReadCall, name: Name, version: Number) -> Response:
    """Return how the newest training of a version ran, so that a run can repeat it."""
    return call.answer(call.registry.retrain_like(f"{name}/{version}"))


@router.get(paths.UNMATERIALIZED, responses={200: {"model": Page[Unmaterialized]}})
@requires(Permission.READ, lists=True, use=Use.SEARCHES)
def list_unmaterialized(
    call: ReadCall,
    reference: Reference | None = None,
    limit: Limit = 100,
    after: Annotated[
        str | None, Query(max_length=255, description="The last training_id of the previous page")
    ] = None,
) -> Response:
    """List the trainings that no asset graph shows because their instance is unreachable."""
    found = call.registry.unmaterialized(reference, limit=limit + 1, after=after)
    return call.page(found, limit, lambda training: training.training_id)


@router.get(paths.LINEAGE_DIFFERENCE, responses={200: {"model": LineageDifference}})
@requires(Permission.READ, model_in_body=True)
def diff(call: ReadCall, a: Reference, b: Reference) -> Response:
    """Return how the lineage of version b differs from that of version a."""
    return call.answer(call.registry.diff(a, b))
