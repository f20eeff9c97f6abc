"""Drift: the models whose production data moved away, the results of one version, and reports."""

from collections import defaultdict
from collections.abc import Sequence
from typing import NamedTuple

from markupsafe import Markup
from starlette.responses import Response

from pedigree.access.records import Permission
from pedigree.catalog.overview.records import Attention, ModelFilter
from pedigree.monitoring.records import ColumnDrift, DriftRule, RecordedDrift, strength
from pedigree.server.http.auth import requires
from pedigree.server.web.keys import key_before
from pedigree.server.web.links import DRIFT
from pedigree.server.web.pictures.sparkline import sparkline
from pedigree.server.web.routes import Pages
from pedigree.server.web.visits import Visit

pages = Pages()

_AT_ONCE = 50
_COLUMNS = 100


class MeasuredColumn(NamedTuple):
    """A column of a comparison.

    Attributes:
        drift: What was measured.
        strength: The largest ratio of a measure to its threshold; 1 reaches the threshold.
    """

    drift: ColumnDrift
    strength: float


class MeasuredDrift(NamedTuple):
    """A comparison, with its columns from the one that moved most.

    Attributes:
        result: The comparison.
        columns: The columns that are shown.
        further: How many there are beyond.
    """

    result: RecordedDrift
    columns: tuple[MeasuredColumn, ...]
    further: int

    @property
    def strongest(self) -> float:
        """The largest ratio of all columns; 0 without any."""
        return max((column.strength for column in self.columns), default=0.0)


class DriftTrend(NamedTuple):
    """How the drift of an asset went on over the comparisons of a page.

    Attributes:
        asset: The asset.
        comparisons: How many there are.
        drifted: How many found drift.
        picture: The largest ratio of each; None for a single one.
        last: The largest ratio of the newest.
    """

    asset: str
    comparisons: int
    drifted: int
    picture: Markup | None
    last: float


@pages.get(DRIFT)
@requires(Permission.READ, model_in_body=True)
def drift(visit: Visit) -> Response:
    """Show the models that have drifted, the results of a version, or the report of a result."""
    number = key_before(visit.query, "result")
    if number is not None:
        return _report(visit, number)
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
    rule = visit.registry.policy(version.model_name).drift or DriftRule()
    results = [measured(each, rule) for each in shown[::-1]]
    return visit.page(
        "drift_results.html",
        watches=[(version.model_name, version.version_id)],
        title=f"Drift of {version.reference}",
        version=version,
        results=results,
        trends=trends(results),
        before=shown[0].drift_id if len(read) > _AT_ONCE else None,
    )


def _report(visit: Visit, number: int) -> Response:
    result = visit.registry.drift_result(number)
    return visit.page(
        "drift_report.html",
        title=f"Drift report {number}",
        result=result,
        report=visit.registry.drift_report_text(number, markdown=True),
    )


def measured(result: RecordedDrift, rule: DriftRule) -> MeasuredDrift:
    """Return a comparison with its columns, those that drifted first, then the strongest ones."""
    columns = sorted(
        (
            MeasuredColumn(each, strength(each, rule.of(each.column)))
            for each in result.comparison.columns
        ),
        key=lambda column: (not column.drift.drifted, -column.strength, column.drift.column),
    )
    return MeasuredDrift(result, tuple(columns[:_COLUMNS]), max(len(columns) - _COLUMNS, 0))


def trends(results: Sequence[MeasuredDrift]) -> tuple[DriftTrend, ...]:
    """Return the trend of each asset.

    Args:
        results: Comparisons, the newest first.
    """
    of_assets: defaultdict[str, list[MeasuredDrift]] = defaultdict(list)
    for each in reversed(results):
        of_assets[each.result.asset].append(each)
    return tuple(
        DriftTrend(
            asset,
            len(found),
            sum(each.result.drifted for each in found),
            sparkline("drift against its threshold", [each.strongest for each in found]),
            found[-1].strongest,
        )
        for asset, found in sorted(of_assets.items())
    )
