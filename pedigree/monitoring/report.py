"""Tell what a comparison found: as HTML for people, as Markdown for wherever people read.

Rendering is pure: it reads no clock and no database. A report stands alone: its plots are in it.
"""

import base64
from collections.abc import Sequence
from functools import cache
from typing import TYPE_CHECKING, Any, NamedTuple

from pedigree.artifacts.records import Digest
from pedigree.libraries import library
from pedigree.markdown import Markdown, code, shown
from pedigree.monitoring import plots
from pedigree.monitoring.records import (
    ColumnDrift,
    DataProfile,
    DriftResult,
    DriftRule,
    RecordedDrift,
    strength,
)

if TYPE_CHECKING:
    from jinja2 import Environment

# So many columns have a plot of their own: those that moved first, then the others by strength.
_PLOTTED = 24


class DriftReport(NamedTuple):
    """A report in its two forms."""

    html: str
    markdown: str


class ReportDigests(NamedTuple):
    """The digests of a report's two forms."""

    html: Digest
    markdown: Digest


def render_report(
    result: DriftResult,
    baseline: DataProfile,
    today: DataProfile,
    rule: DriftRule,
    history: Sequence[DriftResult | RecordedDrift] = (),
) -> DriftReport:
    """Return the report of a comparison.

    Args:
        result: What was found.
        baseline: The profile of what the version learnt from.
        today: The profile of what was compared with it.
        rule: By which thresholds.
        history: What was found in the other partitions, for the plot over time.

    Raises:
        MissingDependencyError: The extra ``monitoring`` is not installed.
    """
    columns = sorted(
        result.comparison.columns,
        key=lambda column: (not column.drifted, -strength(column, rule.of(column.column))),
    )
    timeline = _timeline(result, history)
    told: dict[str, Any] = {
        "result": result,
        "rule": rule,
        "columns": columns,
        "moved": _moved(timeline),
        "timeline": timeline,
        "baseline": baseline,
    }
    over_time = plots.by_partition(timeline, rule) if columns else ""
    name = result.partition or result.asset
    drawn = [(each, plots.distribution(each, baseline, today, name)) for each in columns[:_PLOTTED]]
    html = _html().get_template("drift.html.j2")
    markdown = _markdown().get_template("drift.md.j2")
    return DriftReport(
        html=html.render(**told, over_time=over_time, plots=drawn).strip() + "\n",
        markdown=markdown.render(
            **told,
            over_time=_image("drift by partition", over_time),
            plots=[(each, _image(each.column, svg)) for each, svg in drawn if each.drifted],
        ).strip()
        + "\n",
    )


def _timeline(
    result: DriftResult, history: Sequence[DriftResult | RecordedDrift]
) -> list[DriftResult]:
    """Return the newest result of each partition of this asset, this one among them, in order."""
    of_asset = [each for each in history if each.asset == result.asset]
    newest = {each.partition or "": each for each in of_asset} | {result.partition or "": result}
    return [newest[partition] for partition in sorted(newest)]


def _moved(timeline: Sequence[DriftResult]) -> list[tuple[ColumnDrift, list[str]]]:
    """Return which columns moved, each with the partitions in which it did."""
    found: dict[str, tuple[ColumnDrift, list[str]]] = {}
    for result in timeline:
        for column in result.comparison.columns:
            if column.drifted:
                _, when = found.setdefault(column.column, (column, []))
                when.append(result.partition or result.asset)
    return list(found.values())


def _image(title: str, svg: str) -> Markdown:
    """Return a plot as an image that the text itself carries."""
    if not svg:
        return Markdown("")
    carried = base64.b64encode(svg.encode()).decode()
    return Markdown(f"![{shown(title)}](data:image/svg+xml;base64,{carried})")


def _percent(value: float) -> str:
    return f"{value:.1%}"


def _number(value: float) -> str:
    return f"{value:.3f}"


def _chance(value: float) -> str:
    return "< 0.001" if value < 0.001 else f"{value:.3f}"


_FILTERS = {"percent": _percent, "number": _number, "chance": _chance, "strength": strength}


@cache
def _html() -> "Environment":
    jinja2 = library("jinja2", extra="monitoring")
    environment: Environment = jinja2.Environment(
        loader=jinja2.PackageLoader("pedigree.monitoring"),
        undefined=jinja2.StrictUndefined,
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= _FILTERS
    return environment


@cache
def _markdown() -> "Environment":
    jinja2 = library("jinja2", extra="monitoring")
    environment: Environment = jinja2.Environment(
        loader=jinja2.PackageLoader("pedigree.monitoring"),
        undefined=jinja2.StrictUndefined,
        autoescape=False,
        finalize=shown,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {**_FILTERS, "code": code}
    return environment
