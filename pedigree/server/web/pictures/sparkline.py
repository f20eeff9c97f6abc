"""The last values of a metric as a line of a few millimeters."""

from collections.abc import Sequence

from markupsafe import Markup

from pedigree.server.web.pictures.elements import element
from pedigree.server.web.pictures.scale import Scale
from pedigree.server.web.words import number

_WIDTH, _HEIGHT, _MARGIN = 96, 24, 4
_RADIUS = 2.5


def sparkline(metric: str, values: Sequence[float | None]) -> Markup | None:
    """Return the picture of a metric's last values; None with fewer than two.

    Args:
        metric: Its name.
        values: The values, the oldest first; a missing one is None, and leaves its place empty.
    """
    known = [(place, value) for place, value in enumerate(values) if value is not None]
    if len(known) < 2:
        return None
    lowest, highest = min(value for _, value in known), max(value for _, value in known)
    scale = Scale((lowest, highest))
    step = (_WIDTH - 2 * _MARGIN) / (len(values) - 1)
    points = [
        (
            _MARGIN + place * step,
            _HEIGHT / 2
            if lowest == highest
            else _MARGIN + (1 - scale.place(value)) * (_HEIGHT - 2 * _MARGIN),
        )
        for place, value in known
    ]
    line = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
    x, y = points[-1]
    said = ", ".join(number(value) for _, value in known)
    return element(
        "svg",
        element("polyline", class_="s-line", points=line),
        element("circle", class_="s-dot", cx=x, cy=y, r=_RADIUS),
        class_="spark",
        viewBox=f"0 0 {_WIDTH} {_HEIGHT}",
        width=_WIDTH,
        height=_HEIGHT,
        role="img",
        aria_label=f"{metric} of the last versions: {said}",
    )
