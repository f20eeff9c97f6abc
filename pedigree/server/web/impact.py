"""What depends on data: versions, their stages and what they wrote; and the quarantine of data."""

from collections.abc import Callable, Mapping
from typing import TypeAlias

from starlette.responses import Response

from pedigree.access.grants import SOME
from pedigree.access.records import Permission
from pedigree.catalog.quarantine_records import DataQuarantine
from pedigree.lifecycle.impact_records import Impact
from pedigree.registry import Registry
from pedigree.server.http.auth import requires
from pedigree.server.web.links import IMPACT, QUARANTINE_DATA, RELEASE_DATA
from pedigree.server.web.routes import Pages
from pedigree.server.web.visits import Visit
from pedigree.server.web.who_may import who_may
from pedigree.server.web.words import MOST_COUNTED

pages = Pages()

_VERSIONS = 100
_QUARANTINES = 200

DataAction: TypeAlias = Callable[[Registry, str, str | None, Mapping[str, str]], object]


@pages.get(IMPACT)
@requires(Permission.READ, lists=True)
def impact(visit: Visit) -> Response:
    """Show the versions that depend on an asset, or on one of its partitions."""
    return _page(visit, visit.typed)


@pages.post(QUARANTINE_DATA, again=impact)
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


@pages.post(RELEASE_DATA, again=impact)
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
    asset, partition = _data(values)
    return visit.act(
        lambda registry: work(registry, asset, partition, values),
        visit.links.impact(asset, partition),
    )


def _page(visit: Visit, values: Mapping[str, str]) -> Response:
    asset, partition = _data(values)
    found: Impact | None = None
    if asset:
        after = visit.query.get("after")
        found = visit.registry.operations.impact_pages.page(
            asset, partition, limit=_VERSIONS, after=after, counted=MOST_COUNTED + 1
        )
    return visit.page(
        "impact.html",
        title=f"Impact of {asset}" if asset else "Impact",
        asset=asset,
        partition=partition,
        found=found,
        quarantines=_quarantines(visit, asset, partition),
        error=visit.refused,
        reason=visit.form.get("reason", ""),
        only_certain=visit.form.get("only_certain") == "yes",
        who_may=who_may,
        may_quarantine=visit.principal.may(Permission.QUARANTINE, None, SOME),
    )


def _quarantines(visit: Visit, asset: str, partition: str | None) -> tuple[DataQuarantine, ...]:
    """Return the open quarantines of an asset; those that concern a partition if one is named."""
    if not asset:
        return ()
    found = visit.registry.operations.quarantine.quarantines_of_asset(asset, limit=_QUARANTINES)
    return tuple(each for each in found if partition is None or each.partition in (None, partition))


def _data(values: Mapping[str, str]) -> tuple[str, str | None]:
    """Return the asset and the partition that a query or a form names."""
    return values.get("asset", "").strip(), values.get("partition", "").strip() or None
