"""Elements of SVG: every text and attribute is escaped here."""

from markupsafe import Markup, escape


def element(name: str, *content: str, **attributes: object) -> Markup:
    """Return an element of SVG.

    Args:
        name: Its name.
        content: What it contains; plain text is escaped.
        attributes: Its attributes: ``class_`` for ``class``, ``_`` for ``-``, numbers to a tenth;
            one of None is left out.

    >>> print(element("text", "a < b", class_="tick", x=1.25, text_anchor="end"))
    <text class="tick" x="1.2" text-anchor="end">a &lt; b</text>
    """
    given = Markup("").join(
        Markup(' {}="{}"').format(_name(key), _value(value))
        for key, value in attributes.items()
        if value is not None
    )
    return Markup("<{0}{1}>{2}</{0}>").format(name, given, Markup("").join(map(escape, content)))


def _name(key: str) -> str:
    return key.removesuffix("_").replace("_", "-")


def _value(value: object) -> object:
    return f"{value:.1f}".removesuffix(".0") if isinstance(value, float) else value
