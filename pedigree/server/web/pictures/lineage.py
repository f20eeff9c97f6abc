"""The picture of a lineage: assets at the left, the version, its stages and its outputs."""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from markupsafe import Markup

from pedigree.server.web.pictures.layering import Edge, GraphLayout, Sizes, layout_of
from pedigree.server.web.pictures.measuring import shortened, width_of

_HEIGHT = 46.0
_SIZES = Sizes(node_height=_HEIGHT, dummy_height=14.0, gap=16.0)
_TITLE, _DETAIL = 12.5, 11.5  # sizes of the stylesheet
_PADDING = 8.0
_LINK = 24.0  # the place of the link to Dagster: a target of 24 px with its edge
_NARROWEST, _WIDEST = 148.0, 232.0
_NARROWEST_GAP, _WIDEST_GAP = 24.0, 200.0
# The width of a page's content; a wider picture scrolls.
_FULL_WIDTH = 1_214.0


class PictureNode(NamedTuple):
    """A node of the picture.

    Attributes:
        key: What edges name it by.
        kind: Its class: ``data``, ``declared``, ``missing``, ``version``, ``stage``, ``output`` or
            ``folded``.
        title: What it is.
        detail: A line about it.
        link: Where it leads to; None for nowhere.
        dagster: Its page in Dagster; None if the address is not known, or it has none.
        about: What it is in full, for its tooltip and for readers of the screen.
    """

    key: str
    kind: str
    title: str
    detail: str
    link: str | None = None
    dagster: str | None = None
    about: str = ""


class PictureEdge(NamedTuple):
    """An edge of the picture.

    Attributes:
        source: The key of what was used.
        target: The key of what used it.
        is_certain: Whether that is a fact.
    """

    source: str
    target: str
    is_certain: bool = True


class LineagePicture(NamedTuple):
    """A drawn lineage.

    Attributes:
        svg: The picture.
        left_out: How many edges are not drawn because they lead back to what comes before.
    """

    svg: Markup
    left_out: int


def lineage_picture(
    nodes: Sequence[PictureNode], edges: Iterable[PictureEdge], label: str
) -> LineagePicture:
    """Draw a lineage.

    Args:
        nodes: The nodes, each with a key of its own.
        edges: The edges between them.
        label: The accessible name of the picture.
    """
    certain = {(each.source, each.target): each.is_certain for each in edges}
    layout = layout_of([node.key for node in nodes], certain, _SIZES)
    columns = 1 + max(layout.columns.values(), default=0)
    width = _node_width(nodes, columns)
    gap = min(
        max((_FULL_WIDTH - columns * width) / max(columns - 1, 1), _NARROWEST_GAP), _WIDEST_GAP
    )
    grid = _Grid(width, width + gap)
    drawn = [_edge(grid, layout, edge, is_certain) for edge, is_certain in certain.items()]
    drawn += [_node(grid, layout, node) for node in nodes]
    size = {"w": columns * grid.step - gap + 2, "h": layout.height + 2}
    svg = Markup(
        '<svg class="dag" width="{w:.0f}" height="{h:.0f}" viewBox="0 0 {w:.0f} {h:.0f}"'
        ' role="group" aria-label="{label}">{parts}</svg>'
    ).format(**size, label=label, parts=Markup("").join(drawn))
    return LineagePicture(svg, len(layout.left_out))


class _Grid(NamedTuple):
    """The columns of the picture: how wide a node is, and how far apart columns begin."""

    width: float
    step: float

    def left(self, column: int) -> float:
        """Return where a column begins."""
        return 1 + column * self.step


def _node_width(nodes: Iterable[PictureNode], columns: int) -> float:
    """Return a width that holds every text, within bounds, and fills the page if it can."""
    wanted = max(map(_wanted_width, nodes), default=_NARROWEST)
    fits = (_FULL_WIDTH - (columns - 1) * _NARROWEST_GAP) / columns
    return max(_NARROWEST, min(wanted, _WIDEST, fits))


def _wanted_width(node: PictureNode) -> float:
    texts = max(
        width_of(node.title, _TITLE, is_bold=True),
        width_of(node.detail, _DETAIL) + (_LINK - _PADDING if node.dagster else 0),
    )
    return texts + 2 * _PADDING


def _edge(grid: _Grid, layout: GraphLayout, edge: Edge, is_certain: bool) -> Markup:
    if edge not in layout.routes:
        return Markup("")
    source, target = edge
    column = layout.columns[source]
    x, y = grid.left(column) + grid.width, layout.middles[source] + 1
    path = [f"M{x:.0f} {y:.1f}"]
    for middle in layout.routes[edge]:
        column += 1
        left = grid.left(column)
        path.append(_curve(x, y, left, middle + 1) + f"H{left + grid.width:.0f}")
        x, y = left + grid.width, middle + 1
    path.append(_curve(x, y, grid.left(layout.columns[target]), layout.middles[target] + 1))
    kind = "edge" if is_certain else "edge declared"
    return Markup('<path class="{}" d="{}"/>').format(kind, "".join(path))


def _curve(x: float, y: float, to_x: float, to_y: float) -> str:
    middle = (x + to_x) / 2
    return f"C{middle:.0f} {y:.1f} {middle:.0f} {to_y:.1f} {to_x:.0f} {to_y:.1f}"


def _node(grid: _Grid, layout: GraphLayout, node: PictureNode) -> Markup:
    x = grid.left(layout.columns[node.key])
    top = layout.middles[node.key] + 1 - _HEIGHT / 2
    room = grid.width - 2 * _PADDING
    detail_room = room - (_LINK - _PADDING if node.dagster else 0)
    title = shortened(node.title, room, _TITLE, is_bold=True, keeps_end=node.kind != "folded")
    body = Markup(
        '<title>{about}</title><rect class="node {kind}" x="{x:.0f}" y="{y:.1f}" width="{w:.0f}"'
        ' height="{h:.0f}" rx="7"/><text class="ntitle {kind}" x="{tx:.0f}" y="{ty:.1f}">{title}'
        '</text><text class="nsub {kind}" x="{tx:.0f}" y="{sy:.1f}">{detail}</text>'
    ).format(
        about=node.about or f"{node.title}: {node.detail}",
        kind=node.kind,
        x=x,
        y=top,
        w=grid.width,
        h=_HEIGHT,
        tx=x + _PADDING,
        ty=top + 19,
        sy=top + 35,
        title=title,
        detail=shortened(node.detail, detail_room, _DETAIL),
    )
    if node.link is None:
        return Markup("<g>{}</g>").format(body) + _to_dagster(grid, node, x, top)
    linked = Markup('<a href="{}">{}</a>').format(node.link, body)
    return linked + _to_dagster(grid, node, x, top)


def _to_dagster(grid: _Grid, node: PictureNode, x: float, top: float) -> Markup:
    """Return the link in the corner of a node; the table below has it for the keyboard."""
    if node.dagster is None:
        return Markup("")
    left = x + grid.width - _LINK
    return Markup(
        '<a href="{link}" tabindex="-1"><title>{title} in Dagster</title><rect class="nhit"'
        ' x="{x:.0f}" y="{y:.1f}" width="24" height="24"/><text class="nlink" x="{tx:.0f}"'
        ' y="{ty:.1f}" text-anchor="middle">↗</text></a>'
    ).format(link=node.dagster, title=node.title, x=left, y=top + 21, tx=left + 12, ty=top + 36)
