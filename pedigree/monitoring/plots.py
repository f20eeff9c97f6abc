"""Plots of a comparison as SVG, rendered in this process without a browser or network."""

from collections.abc import Iterable, Sequence
from typing import Any

from pedigree.libraries import library
from pedigree.monitoring.compare import bins
from pedigree.monitoring.records import (
    CategoricalColumn,
    ColumnDrift,
    DataProfile,
    DriftResult,
    DriftRule,
    NumericColumn,
    strength,
)

# Maximum number of categories in a plot; more would not be legible.
_CATEGORIES = 12
_BASELINE, _TODAY, _ALARM = "#b4bac4", "#2f6fde", "#c8372d"
_FONT = "Helvetica, Arial, sans-serif"


def distribution(column: ColumnDrift, baseline: DataProfile, today: DataProfile, name: str) -> str:
    """Return a plot of a column's distribution and its baseline.

    Args:
        column: The drift of the column.
        baseline: The training data's profile.
        today: The profile of the compared data.
        name: The label of the compared data, such as a month.
    """
    alt = library("altair", extra="monitoring")
    before, now = baseline.column(column.column), today.column(column.column)
    if before is None or now is None:
        return ""
    # Only the top categories, without "(other)", next to which they would not be visible.
    count = _CATEGORIES if before.kind == "categorical" and len(before.values) > _CATEGORIES else 99
    labels = _labels(before)[:count]
    rows = [
        {"bin": label, "data": source, "share": share}
        for source, profile in (("training data", before), (name, now))
        for label, share in zip(labels, _shares(profile), strict=False)
    ]
    color = _ALARM if column.drifted else _TODAY
    x = alt.X(
        "bin:N",
        sort=list(labels),
        title=None,
        axis=alt.Axis(labelAngle=-40, labelOverlap=True, labelLimit=90),
    )
    chart = (
        alt.Chart(alt.Data(values=rows), width=400, height=130)
        .mark_bar()
        .encode(
            x=x,
            xOffset=alt.XOffset("data:N", sort=["training data", name]),
            y=alt.Y("share:Q", title=None, axis=alt.Axis(format="%", tickCount=4)),
            color=alt.Color(
                "data:N",
                scale=alt.Scale(domain=["training data", name], range=[_BASELINE, color]),
                legend=alt.Legend(title=None, orient="top", offset=2),
            ),
        )
    )
    return _svg(chart)


def by_partition(history: Sequence[DriftResult], rule: DriftRule) -> str:
    """Return a plot of each column's drift in each partition, with alarms.

    The value 1 is the threshold that is reached first.
    """
    alt = library("altair", extra="monitoring")
    rows = list(_cells(history, rule))
    columns = list(dict.fromkeys(str(row["column"]) for row in rows))
    base = alt.Chart(
        alt.Data(values=rows),
        width=alt.Step(max(34, min(64, 620 // max(len(history), 1)))),
        height=alt.Step(26),
    ).encode(
        x=alt.X("partition:N", title=None, sort=None, axis=alt.Axis(labelAngle=0, orient="top")),
        y=alt.Y("column:N", title=None, sort=columns),
    )
    cells = base.mark_rect(stroke="white", strokeWidth=2, cornerRadius=3).encode(
        color=alt.Color(
            "strength:Q",
            scale=alt.Scale(
                domain=[0, 0.5, 1, 1.5], range=["#eef1f5", "#c6d6f2", "#f2b8a8", _ALARM], clamp=True
            ),
            legend=alt.Legend(title="of the threshold", format=".0%", gradientLength=140),
        )
    )
    color = alt.condition("datum.strength > 1.25", alt.value("white"), alt.value("#28303c"))
    # An alarm is also bold, so that it is visible without colors.
    texts = [
        base.mark_text(fontSize=11, fontWeight=weight)
        .encode(text="label:N", color=color)
        .transform_filter(f"datum.alarm === {alarm}")
        for weight, alarm in ((400, "false"), (700, "true"))
    ]
    return _svg(alt.layer(cells, *texts))


def _cells(history: Iterable[DriftResult], rule: DriftRule) -> Iterable[dict[str, object]]:
    for result in history:
        for column in result.comparison.columns:
            reached = strength(column, rule.of(column.column))
            yield {
                "partition": result.partition or result.asset,
                "column": column.column,
                "strength": reached,
                "alarm": column.drifted,
                "label": f"{reached:.0%}" + (" ▲" if column.drifted else ""),
            }


def _shares(column: NumericColumn | CategoricalColumn) -> list[float]:
    total = column.present or 1
    return [count / total for count in bins(column)]


def _labels(column: NumericColumn | CategoricalColumn) -> tuple[str, ...]:
    if column.kind == "categorical":
        return (*column.values, "(other)")
    if not column.edges:
        return ("none",)
    inner = (
        f"{_short(low)} to {_short(high)}"
        for low, high in zip(column.edges[:-1], column.edges[1:], strict=True)
    )
    return (f"< {_short(column.edges[0])}", *inner, f"> {_short(column.edges[-1])}")


def _short(number: float) -> str:
    return f"{round(number, 6):.4g}"


def _svg(chart: Any) -> str:
    styled = chart.configure(
        font=_FONT,
        background="transparent",
        view={"strokeWidth": 0},
        axis={"grid": False, "domain": False, "ticks": False},
    )
    svg: str = library("vl_convert", extra="monitoring").vegalite_to_svg(styled.to_dict())
    return svg
