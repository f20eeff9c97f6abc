"""Which version held which stage or alias, and when: a lane for each, a bar for each tenure."""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import NamedTuple

from markupsafe import Markup

from pedigree.lifecycle.records import ARCHIVED, CANDIDATE, CHAMPION_STAGE, NO_STAGE, Tenure
from pedigree.server.web.pictures.elements import element
from pedigree.server.web.words import stamp

_WIDTH = 1100
_LEFT, _RIGHT, _TOP, _LANE, _AXIS = 104, 10, 8, 34, 26
_SHOWN = {CHAMPION_STAGE: "production", "staging": "staging", CANDIDATE: "candidate"}
_LONGEST_NAME = 14
# The steps between two dates below the picture.
_STEPS = tuple(timedelta(days=each) for each in (1, 2, 7, 14, 28, 56, 91, 182, 365, 730, 1825))
_MOST_DATES = 9


class Lane(NamedTuple):
    """A stage or an alias, with the tenures of it."""

    kind: str
    name: str
    tenures: tuple[Tenure, ...]

    @property
    def label(self) -> str:
        """Its name as it is written next to the lane."""
        said = f"@{self.name}" if self.kind == "alias" else self.name
        return said if len(said) <= _LONGEST_NAME else f"{said[: _LONGEST_NAME - 1]}…"

    @property
    def shape(self) -> str:
        """The class of its bars."""
        return "alias" if self.kind == "alias" else _SHOWN.get(self.name, "other")


def lanes(tenures: Sequence[Tenure], stages: Sequence[str]) -> tuple[Lane, ...]:
    """Return the lanes of tenures: the stages from the last one down, then the aliases.

    Versions without a stage and archived ones have no lane.

    Args:
        tenures: The tenures.
        stages: The stages in their order of promotion.
    """
    found: dict[tuple[str, str], list[Tenure]] = {}
    for each in tenures:
        kind, _, name = each.pointer.partition(":")
        if name not in (NO_STAGE, ARCHIVED):
            found.setdefault((kind, name), []).append(each)
    order = {name: index for index, name in enumerate(reversed(stages))}

    def place(key: tuple[str, str]) -> tuple[bool, int, str]:
        kind, name = key
        return kind == "alias", order.get(name, len(order)), name

    return tuple(Lane(*key, tuple(found[key])) for key in sorted(found, key=place))


def timeline(shown: Sequence[Lane], link: Callable[[int], str], now: datetime) -> Markup | None:
    """Return the picture of lanes; None without any.

    Its bars are links without a place in the order of the keyboard, which has the table.

    Args:
        shown: The lanes.
        link: Returns the link to a version.
        now: Where the bars of those end that are still held.
    """
    starts = [each.since for lane in shown for each in lane.tenures]
    if not starts:
        return None
    span = _Span.over(min(starts), now)
    height = _TOP + _LANE * len(shown) + _AXIS
    drawn: list[Markup] = [*_dates(span, height)]
    for index, lane in enumerate(shown):
        drawn += _lane(lane, _TOP + index * _LANE, _Drawing(span, link, now))
    x = span.x(now)
    drawn.append(element("line", class_="nowline", x1=x, x2=x, y1=_TOP, y2=height - _AXIS + 4))
    return element(
        "svg",
        *drawn,
        class_="timeline",
        viewBox=f"0 0 {_WIDTH} {height}",
        role="group",
        aria_label=f"Which version held which stage, from {stamp(min(starts))} until now",
    )


class _Span(NamedTuple):
    """The time that the picture covers."""

    start: datetime
    end: datetime

    @classmethod
    def over(cls, first: datetime, now: datetime) -> "_Span":
        whole = max(now - first, timedelta(minutes=1))
        return cls(first - whole * 0.02, now + whole * 0.045)

    def x(self, at: datetime) -> float:
        return _LEFT + (_WIDTH - _LEFT - _RIGHT) * ((at - self.start) / (self.end - self.start))


def _dates(span: _Span, height: int) -> list[Markup]:
    whole = span.end - span.start
    step = next((each for each in _STEPS if whole / each <= _MOST_DATES), whole / _MOST_DATES)
    first = span.start.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    drawn = []
    for index in range(1, _MOST_DATES + 2):
        at = first + step * index
        x = span.x(at)
        if x > _WIDTH - 40:  # its text would be cut
            break
        drawn.append(element("line", class_="grid", x1=x, x2=x, y1=_TOP, y2=height - 22))
        said = f"{at.day} {at:%b}" if whole < timedelta(days=300) else f"{at:%b %Y}"
        drawn.append(element("text", said, class_="tick", x=x, y=height - 7, text_anchor="middle"))
    return drawn


class _Drawing(NamedTuple):
    """What all bars of the picture need."""

    span: _Span
    link: Callable[[int], str]
    now: datetime


def _lane(lane: Lane, top: int, drawing: _Drawing) -> list[Markup]:
    bottom = top + _LANE - 0.5
    name = element("title", lane.name)
    drawn = [
        element("text", lane.label, name, class_="lane", x=0, y=top + _LANE // 2 + 4),
        element("line", class_="rule", x1=_LEFT, x2=_WIDTH - _RIGHT, y1=bottom, y2=bottom),
    ]
    # Versions may share a stage: where the next bar begins, a name would be covered.
    begins = sorted({each.since for each in lane.tenures})
    following = dict(pairwise(begins))
    return drawn + [
        _bar(lane, each, top, drawing, following.get(each.since)) for each in lane.tenures
    ]


def _bar(
    lane: Lane, held: Tenure, top: int, drawing: _Drawing, following: datetime | None
) -> Markup:
    x = drawing.span.x(held.since)
    width = max(3.0, drawing.span.x(held.until or drawing.now) - x - 1.5)
    shape = f"bar {lane.shape}" + ("" if held.until else " open")
    place = {"x": x, "y": top + 6, "width": width, "height": _LANE - 13, "rx": 4}
    drawn = [element("rect", element("title", said(lane, held)), class_=shape, **place)]
    label, middle = f"v{held.version_id}", top + _LANE // 2 + 4
    room = min(width, drawing.span.x(following) - x) if following else width
    if room > 10 + 8 * len(label):
        classes = f"barlabel {lane.shape}"
        drawn.append(element("text", label, class_=classes, x=x + 7, y=middle))
    elif not held.until and not following:
        drawn.append(element("text", label, class_="barlabel", x=x + width + 6, y=middle))
    return element("a", *drawn, href=drawing.link(held.version_id), tabindex=-1)


def said(lane: Lane, held: Tenure) -> str:
    """Return a tenure in words."""
    until = stamp(held.until) if held.until else "now"
    why = f": {held.reason}" if held.reason else ""
    past = ", past gates that were not passed" if held.overridden else ""
    return (
        f"v{held.version_id} held {lane.name} from {stamp(held.since)} until {until},"
        f" moved by {held.moved_by}{past}{why}"
    )
