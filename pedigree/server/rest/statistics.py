"""Counts over the whole registry."""

from starlette.responses import Response

from pedigree.access.records import Permission
from pedigree.artifacts.statistics import RegistryStatistics
from pedigree.contract import paths
from pedigree.server.http.auth import requires
from pedigree.server.http.fair_use import Use
from pedigree.server.http.requests import ReadCall
from pedigree.server.http.resources import resource

router = resource("registry")


@router.get(paths.STATISTICS, responses={200: {"model": RegistryStatistics}})
@requires(Permission.READ, lists=True, use=Use.SEARCHES)
def get_stats(call: ReadCall) -> Response:
    """Count models, versions, files and bytes: of all models, or of those that the token is for."""
    return call.answer(call.registry.stats())
