"""Two values of a metric as bars of one scale."""

from markupsafe import Markup

from pedigree.server.web.pictures.elements import element

_WIDTH, _HEIGHT = 132, 22


def bars(old: float | None, new: float | None) -> Markup | None:
    """Return two bars, the old value above the new one; None if a value is missing.

    The lengths are the sizes of the values: the table next to it has their signs.
    """
    if old is None or new is None:
        return None
    largest = max(abs(old), abs(new)) or 1.0
    drawn = [
        element(
            "rect", class_=shape, x=0, y=top, width=_WIDTH * (abs(value) / largest), height=6, rx=2
        )
        for shape, top, value in (("a", 3, old), ("b", 12, new))
    ]
    box = f"0 0 {_WIDTH} {_HEIGHT}"
    return element("svg", *drawn, class_="bars", viewBox=box, aria_hidden="true")
