"""Values of a metric by group, as dots on one scale."""

from collections.abc import Sequence
from typing import NamedTuple

from markupsafe import Markup

from pedigree.server.web.pictures.measuring import shortened
from pedigree.server.web.words import number


class Dot(NamedTuple):
    """A value of a group.

    Attributes:
        name: The group.
        value: The value.
        note: What stands at the right, such as the number of rows.
    """

    name: str
    value: float
    note: str


_PLOT_WIDTH, _ROW, _LEFT, _RIGHT, _TOP = 440.0, 22.0, 132.0, 122.0, 26.0
_NAME_SIZE = 12.0


def group_dots(dots: Sequence[Dot], overall: float | None, label: str) -> Markup:
    """Draw the values of groups as dots on one scale, with a line at the value over all.

    Args:
        dots: The groups, from the top.
        overall: The value over all rows; None if it is not known.
        label: The accessible name, which has what the table below has.
    """
    values = [dot.value for dot in dots] + ([] if overall is None else [overall])
    low, high = min(values, default=0.0), max(values, default=0.0)
    height = _TOP + _ROW * len(dots) + 4
    parts = [_overall(_place(overall, low, high), overall, height)] if overall is not None else []
    for row, dot in enumerate(dots):
        parts.append(_row(dot, _TOP + row * _ROW + _ROW / 2, _place(dot.value, low, high)))
    return Markup(
        '<svg class="chart dots" viewBox="0 0 {w:.0f} {h:.0f}" width="{w:.0f}" role="img"'
        ' aria-label="{label}">{parts}</svg>'
    ).format(w=_PLOT_WIDTH, h=height, label=label, parts=Markup("").join(parts))


def _place(value: float, low: float, high: float) -> float:
    """Return where a value is drawn; halves keep the largest numbers finite."""
    room = _PLOT_WIDTH - _LEFT - _RIGHT - 16
    extent = high / 2 - low / 2
    share = 0.5 if extent == 0 else (value / 2 - low / 2) / extent
    return _LEFT + 8 + share * room


def _overall(x: float, value: float, height: float) -> Markup:
    return Markup(
        '<line class="nowline" x1="{x:.1f}" x2="{x:.1f}" y1="{top}" y2="{low:.0f}"/>'
        '<text class="tick" x="{x:.1f}" y="13" text-anchor="middle">all: {value}</text>'
    ).format(x=x, top=_TOP - 8, low=height - 2, value=number(value))


def _row(dot: Dot, y: float, x: float) -> Markup:
    return Markup(
        '<text x="0" y="{ty:.1f}">{name}<title>{full}</title></text>'
        '<line class="grid" x1="{left}" x2="{right}" y1="{y:.1f}" y2="{y:.1f}"/>'
        '<circle class="g-dot" cx="{x:.1f}" cy="{y:.1f}" r="4"/>'
        '<text class="tick" x="{end}" y="{ty:.1f}" text-anchor="end">{note}</text>'
    ).format(
        name=shortened(dot.name, _LEFT - 12, _NAME_SIZE),
        full=dot.name,
        note=dot.note,
        left=_LEFT,
        right=_PLOT_WIDTH - _RIGHT,
        end=_PLOT_WIDTH,
        x=x,
        y=y,
        ty=y + 4,
    )
