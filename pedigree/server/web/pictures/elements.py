"""Elements of SVG: every text and attribute is escaped here."""

from functools import cache

from markupsafe import Markup

from pedigree.server.web.escaping import escaped


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
    # A page has a thousand of these, and Markup.format takes thirty times as long.
    given = "".join(
        f' {_name(key)}="{_value(value)}"' for key, value in attributes.items() if value is not None
    )
    return Markup(f"<{name}{given}>{''.join(map(escaped, content))}</{name}>")  # noqa: S704


@cache
def _name(key: str) -> str:
    """Return the name of an attribute; the callers' keywords are all that there are."""
    return key.removesuffix("_").replace("_", "-")


def _value(value: object) -> str:
    if isinstance(value, float):
        return f"{value:.1f}".removesuffix(".0")
    return escaped(value)
