"""A metric over the versions of a model."""

from collections.abc import Collection, Sequence
from typing import NamedTuple

from markupsafe import Markup

from pedigree.server.web.pictures.elements import element
from pedigree.server.web.pictures.scale import Scale
from pedigree.server.web.words import number

_HEIGHT = 150
_LEFT, _RIGHT, _TOP, _BOTTOM = 52, 12, 12, 24
# The room that the name of a version takes below the picture.
_NAME = 36
_RADIUS = {"now": 5, "held": 4, "never": 2.5}


class Point(NamedTuple):
    """A version's value of the metric; None if it has none."""

    version: int
    value: float | None


def trend(
    metric: str, points: Sequence[Point], held: Collection[int], now: Collection[int], *, width: int
) -> Markup | None:
    """Return the picture of a metric; None with fewer than two values.

    Args:
        metric: Its name.
        points: The versions in ascending order; those without a value leave a gap.
        held: The versions that were in production.
        now: The versions that are in production.
        width: The width of the drawing, so that its texts keep their size on the page.
    """
    known = [(each.version, each.value) for each in points if each.value is not None]
    if len(known) < 2:
        return None
    scale = Scale.over(value for _, value in known)
    first, last = points[0].version, points[-1].version
    place = _TrendPlace(width, first, max(last - first, 1), scale)
    said = ", ".join(f"v{version} {number(value)}" for version, value in known)
    return element(
        "svg",
        *_grid(place, width),
        *_lines(points, place),
        *_dots(known, held, now, place),
        class_="chart",
        viewBox=f"0 0 {width} {_HEIGHT}",
        role="img",
        aria_label=f"{metric} by version: {said}",
    )


class _TrendPlace(NamedTuple):
    """Where a version and a value lie in the drawing."""

    width: int
    first: int
    versions: int
    scale: Scale

    def x(self, version: int) -> float:
        room = self.width - _LEFT - _RIGHT
        return _LEFT + room * (version - self.first) / self.versions

    def y(self, value: float) -> float:
        return _TOP + (_HEIGHT - _TOP - _BOTTOM) * (1 - self.scale.place(value))


def _grid(place: _TrendPlace, width: int) -> list[Markup]:
    drawn = []
    for tick in place.scale.ticks:
        y = place.y(tick)
        drawn.append(element("line", class_="grid", x1=_LEFT, x2=width - _RIGHT, y1=y, y2=y))
        label = f"{tick:.4g}"
        drawn.append(
            element("text", label, class_="tick", x=_LEFT - 8, y=y + 3.5, text_anchor="end")
        )
    return drawn


def _lines(points: Sequence[Point], place: _TrendPlace) -> list[Markup]:
    """Draw one line for each run of versions that have the metric."""
    runs: list[list[str]] = [[]]
    for each in points:
        if each.value is None:
            runs.append([])
        else:
            runs[-1].append(f"{place.x(each.version):.1f},{place.y(each.value):.1f}")
    return [
        element("polyline", class_="c-line", points=" ".join(run)) for run in runs if len(run) > 1
    ]


def _dots(
    known: Sequence[tuple[int, float]],
    held: Collection[int],
    now: Collection[int],
    place: _TrendPlace,
) -> list[Markup]:
    drawn = []
    end = place.x(known[-1][0])
    most = max(1, int((end - place.x(known[0][0])) / _NAME))
    every = max(1, -(-len(known) // most))
    for index, (version, value) in enumerate(known):
        state = "now" if version in now else "held" if version in held else "never"
        said = {"now": ", in production", "held": ", was in production", "never": ""}[state]
        title = element("title", f"v{version}: {number(value)}{said}")
        x, y = place.x(version), place.y(value)
        drawn.append(
            element("circle", title, class_=f"c-dot {state}", cx=x, cy=y, r=_RADIUS[state])
        )
        if (index % every == 0 and end - x >= _NAME) or index == len(known) - 1:
            drawn.append(
                element(
                    "text",
                    f"v{version}",
                    class_="tick",
                    x=x,
                    y=_HEIGHT - 7,
                    text_anchor="end" if index == len(known) - 1 else "middle",
                )
            )
    return drawn
