"""Reports of comparisons, as HTML and as Markdown.

Rendering is pure: it reads no clock and no database. A report is self-contained: it embeds its
plots.
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

# Maximum number of columns with a plot: drifted columns first, then the others by strength.
_PLOTTED = 24


class DriftReport(NamedTuple):
    """A report in its two formats."""

    html: str
    markdown: str


class ReportDigests(NamedTuple):
    """The digests of a report's two formats."""

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
        result: The result.
        baseline: The profile of the version's training data.
        today: The profile of the compared data.
        rule: The drift rule, for its thresholds.
        history: The results of other partitions, for the plot over time.

    Raises:
        MissingDependencyError: The extra ``monitoring`` is not installed.
    """
    columns = sorted(
        result.comparison.columns,
        key=lambda column: (not column.drifted, -strength(column, rule.of(column.column))),
    )
    timeline = _timeline(result, history)
    variables: dict[str, Any] = {
        "result": result,
        "rule": rule,
        "columns": columns,
        "moved": _moved(timeline),
        "timeline": timeline,
        "baseline": baseline,
    }
    over_time = plots.by_partition(timeline, rule) if columns else ""
    name = result.partition or result.asset
    drawn = [
        (column, plots.distribution(column, baseline, today, name)) for column in columns[:_PLOTTED]
    ]
    html = _html().get_template("drift.html.j2")
    markdown = _markdown().get_template("drift.md.j2")
    return DriftReport(
        html=html.render(**variables, over_time=over_time, plots=drawn).strip() + "\n",
        markdown=markdown.render(
            **variables,
            over_time=_image("drift by partition", over_time),
            plots=[(column, _image(column.column, svg)) for column, svg in drawn if column.drifted],
        ).strip()
        + "\n",
    )


def _timeline(
    result: DriftResult, history: Sequence[DriftResult | RecordedDrift]
) -> list[DriftResult]:
    """Return the newest result of each partition of the asset, including this result, in order."""
    of_asset = [item for item in history if item.asset == result.asset]
    newest = {item.partition or "": item for item in of_asset} | {result.partition or "": result}
    return [newest[partition] for partition in sorted(newest)]


def _moved(timeline: Sequence[DriftResult]) -> list[tuple[ColumnDrift, list[str]]]:
    """Return the drifted columns, each with the partitions in which it drifted."""
    found: dict[str, tuple[ColumnDrift, list[str]]] = {}
    for result in timeline:
        for column in result.comparison.columns:
            if column.drifted:
                _, when = found.setdefault(column.column, (column, []))
                when.append(result.partition or result.asset)
    return list(found.values())


def _image(title: str, svg: str) -> Markdown:
    """Return a plot as an image that is embedded in the text."""
    if not svg:
        return Markdown("")
    encoded = base64.b64encode(svg.encode()).decode()
    return Markdown(f"![{shown(title)}](data:image/svg+xml;base64,{encoded})")


def _percent(value: float) -> str:
    return f"{value:.1%}"


def _number(value: float) -> str:
    return f"{value:.3f}"


def _p_value(value: float) -> str:
    return "< 0.001" if value < 0.001 else f"{value:.3f}"


_FILTERS = {"percent": _percent, "number": _number, "p_value": _p_value, "strength": strength}


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
