"""Drift: the models whose production data moved away, and the results of one version."""

from starlette.responses import Response

from pedigree.access.records import Permission
from pedigree.catalog.overview.records import Attention, ModelFilter
from pedigree.server.http.auth import requires
from pedigree.server.web.keys import key_before
from pedigree.server.web.links import DRIFT
from pedigree.server.web.routes import Pages
from pedigree.server.web.visits import Visit

pages = Pages()

_AT_ONCE = 50


@pages.get(DRIFT)
@requires(Permission.READ, model_in_body=True)
def drift(visit: Visit) -> Response:
    """Show the models that have drifted, or the results of a version."""
    reference = visit.query.get("version", "").strip()
    if reference:
        return _results(visit, reference)
    found = visit.registry.operations.models.overview(
        ModelFilter(attention=Attention.DRIFTED), limit=_AT_ONCE, after=visit.query.get("after")
    )
    return visit.page("drift.html", title="Drift", found=found)


def _results(visit: Visit, reference: str) -> Response:
    version = visit.registry.get(reference)
    read = visit.registry.drift(reference, limit=_AT_ONCE + 1, before=key_before(visit.query))
    shown = read[-_AT_ONCE:]
    return visit.page(
        "drift_results.html",
        watches=[(version.model_name, version.version_id)],
        title=f"Drift of {version.reference}",
        version=version,
        results=shown[::-1],
        before=shown[0].drift_id if len(read) > _AT_ONCE else None,
    )
