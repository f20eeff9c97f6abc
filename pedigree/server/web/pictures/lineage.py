"""The picture of a lineage: assets at the left, the version, its stages and its outputs."""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from markupsafe import Markup

from pedigree.server.web.escaping import escaped
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
    return Markup(f'<path class="{kind}" d="{"".join(path)}"/>')  # noqa: S704 -- no foreign text


def _curve(x: float, y: float, to_x: float, to_y: float) -> str:
    middle = (x + to_x) / 2
    return f"C{middle:.0f} {y:.1f} {middle:.0f} {to_y:.1f} {to_x:.0f} {to_y:.1f}"


def _node(grid: _Grid, layout: GraphLayout, node: PictureNode) -> Markup:
    x = grid.left(layout.columns[node.key])
    top = layout.middles[node.key] + 1 - _HEIGHT / 2
    room = grid.width - 2 * _PADDING
    detail_room = room - (_LINK - _PADDING if node.dagster else 0)
    title = shortened(node.title, room, _TITLE, is_bold=True, keeps_end=node.kind != "folded")
    detail = shortened(node.detail, detail_room, _DETAIL)
    text_x, about = x + _PADDING, node.about or f"{node.title}: {node.detail}"
    # A picture has a hundred of these, and Markup.format takes ten times as long.
    body = (
        f'<title>{escaped(about)}</title><rect class="node {node.kind}" x="{x:.0f}" y="{top:.1f}"'
        f' width="{grid.width:.0f}" height="{_HEIGHT:.0f}" rx="7"/>'
        f'<text class="ntitle {node.kind}" x="{text_x:.0f}" y="{top + 19:.1f}">{escaped(title)}'
        f'</text><text class="nsub {node.kind}" x="{text_x:.0f}" y="{top + 35:.1f}">'
        f"{escaped(detail)}</text>"
    )
    begin, end = ("<g>", "</g>") if node.link is None else (_link_to(node.link), "</a>")
    return Markup(f"{begin}{body}{end}{_to_dagster(grid, node, x, top)}")  # noqa: S704


def _link_to(link: str) -> str:
    return f'<a href="{escaped(link)}">'


def _to_dagster(grid: _Grid, node: PictureNode, x: float, top: float) -> str:
    """Return the link in the corner of a node; the table below has it for the keyboard."""
    if node.dagster is None:
        return ""
    left = x + grid.width - _LINK
    return (
        f'<a href="{escaped(node.dagster)}" tabindex="-1"><title>{escaped(node.title)} in Dagster'
        f'</title><rect class="nhit" x="{left:.0f}" y="{top + 21:.1f}" width="24" height="24"/>'
        f'<text class="nlink" x="{left + 12:.0f}" y="{top + 36:.1f}" text-anchor="middle">↗</text>'
        "</a>"
    )
