"""What depends on data: versions, their stages and what they wrote; and the quarantine of data."""

from collections.abc import Callable, Mapping
from typing import TypeAlias

from starlette.responses import Response

from pedigree.access.grants import SOME
from pedigree.access.records import Permission
from pedigree.errors import PedigreeError
from pedigree.lifecycle.impact_records import Impact
from pedigree.registry import Registry
from pedigree.server.http.auth import requires
from pedigree.server.http.problems import status_of
from pedigree.server.web.links import IMPACT, QUARANTINE_DATA, RELEASE_DATA
from pedigree.server.web.routes import Pages
from pedigree.server.web.visits import Visit
from pedigree.server.web.words import MOST_COUNTED

pages = Pages()

_VERSIONS = 100

DataAction: TypeAlias = Callable[[Registry, str, str | None, Mapping[str, str]], object]


@pages.get(IMPACT)
@requires(Permission.READ, lists=True)
def impact(visit: Visit) -> Response:
    """Show the versions that depend on an asset, or on one of its partitions."""
    asset = visit.query.get("asset", "").strip()
    partition = visit.query.get("partition", "").strip() or None
    return _page(visit, asset, partition)


@pages.post(QUARANTINE_DATA)
@requires(Permission.QUARANTINE, lists=True)
def quarantine_data(visit: Visit) -> Response:
    """Quarantine an asset, or one of its partitions."""
    return _act(
        visit,
        lambda registry, asset, partition, values: registry.quarantine(
            asset,
            partition,
            reason=values.get("reason", ""),
            only_certain=values.get("only_certain") == "yes",
        ),
    )


@pages.post(RELEASE_DATA)
@requires(Permission.QUARANTINE, lists=True)
def release_data(visit: Visit) -> Response:
    """End the quarantines of an asset, or of one of its partitions."""
    return _act(
        visit,
        lambda registry, asset, partition, values: registry.release(
            asset,
            partition,
            whole_asset=partition is None,
            reason=values.get("reason", "").strip() or None,
        ),
    )


def _act(visit: Visit, work: DataAction) -> Response:
    values = visit.form
    asset = values.get("asset", "").strip()
    partition = values.get("partition", "").strip() or None
    try:
        return visit.act(
            lambda registry: work(registry, asset, partition, values),
            visit.links.impact(asset, partition),
        )
    except PedigreeError as error:
        return _page(visit, asset, partition, error, values)


def _page(
    visit: Visit,
    asset: str,
    partition: str | None,
    error: PedigreeError | None = None,
    values: Mapping[str, str] | None = None,
) -> Response:
    found: Impact | None = None
    if asset:
        after = visit.query.get("after")
        found = visit.registry.operations.impact_pages.page(
            asset, partition, limit=_VERSIONS, after=after, counted=MOST_COUNTED + 1
        )
    return visit.page(
        "impact.html",
        status=200 if error is None else status_of(error),
        title=f"Impact of {asset}" if asset else "Impact",
        asset=asset,
        partition=partition,
        found=found,
        error=error,
        reason=(values or {}).get("reason", ""),
        may_quarantine=visit.principal.may(Permission.QUARANTINE, None, SOME),
    )
