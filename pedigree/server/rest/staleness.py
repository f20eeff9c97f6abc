"""Staleness of versions: how far they are behind their data and code."""

from starlette.responses import Response

from pedigree.access.records import Permission
from pedigree.contract import paths
from pedigree.lineage.staleness import Staleness
from pedigree.server.http.auth import requires
from pedigree.server.http.parameters import Name, Number
from pedigree.server.http.requests import ReadCall
from pedigree.server.http.resources import resource

router = resource("history")


@router.get(paths.STALENESS, responses={200: {"model": Staleness}})
@requires(Permission.READ)
def get_staleness(call: ReadCall, name: Name, version: Number) -> Response:
    """Return how many data and code versions a version is behind, by the last known graph."""
    return call.answer(call.registry.stale(f"{name}/{version}"))
