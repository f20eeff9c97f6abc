"""What a version is made of and what is written about it; what depends on data."""

from typing import Annotated

from fastapi import Query
from starlette.responses import Response

from pedigree.access.records import Permission
from pedigree.cards.records import ModelCard
from pedigree.catalog.snippets import Snippets
from pedigree.lifecycle.impact_records import Impact
from pedigree.lineage.records import LineageGraph
from pedigree.lineage.upstream import Upstream
from pedigree.server.http.auth import requires, resource
from pedigree.server.http.parameters import Moment
from pedigree.server.http.requests import Name, Number, ReadCall

router = resource("provenance")

Newest = Annotated[bool, Query(description="The newest training instead of the first")]


@router.get("/models/{name}/versions/{version}/card", responses={200: {"model": ModelCard}})
@requires(Permission.READ)
def get_card(call: ReadCall, name: Name, version: Number) -> Response:
    """Return a version's latest model card."""
    card = call.registry.card(f"{name}/{version}")
    # Where the server keeps it is of no use elsewhere.
    return call.answer(card.model_copy(update={"location": None}))


@router.get("/models/{name}/versions/{version}/snippets", responses={200: {"model": Snippets}})
@requires(Permission.READ)
def get_snippets(call: ReadCall, name: Name, version: Number) -> Response:
    """Return the lines that load and serve a version: Python, CLI, curl and Dagster."""
    return call.answer(call.registry.snippets(f"{name}/{version}"))


@router.get("/models/{name}/versions/{version}/lineage", responses={200: {"model": LineageGraph}})
@requires(Permission.READ)
def get_lineage(call: ReadCall, name: Name, version: Number, newest: Newest = False) -> Response:
    """Return the graph of what a version was trained on, down to the sources that are known."""
    return call.answer(call.registry.lineage(f"{name}/{version}", newest=newest))


@router.get("/models/{name}/versions/{version}/upstream", responses={200: {"model": Upstream}})
@requires(Permission.READ)
def get_upstream(call: ReadCall, name: Name, version: Number, newest: Newest = False) -> Response:
    """List every asset and partition that a version depends on, and what is not known."""
    return call.answer(call.registry.upstream(f"{name}/{version}", newest=newest))


@router.get("/impact", responses={200: {"model": Impact}})
@requires(Permission.READ)
def get_impact(
    call: ReadCall,
    asset: Annotated[
        str, Query(min_length=1, max_length=512, description="Its key, parts joined by /")
    ],
    partition: Annotated[str | None, Query(max_length=512)] = None,
    since: Annotated[Moment | None, Query(description="Only data recorded from then on")] = None,
) -> Response:
    """Find the versions that certainly, possibly or, for all that is known, use some data."""
    return call.answer(call.registry.impact(asset, partition, since=since))
