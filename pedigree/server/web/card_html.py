"""Model cards as HTML: without raw HTML, cleaned by an allow-list, and kept by their digest."""

import re
from collections import OrderedDict
from functools import cache
from threading import Lock
from typing import TYPE_CHECKING, NamedTuple

from markupsafe import Markup

from pedigree.artifacts.records import digest_of
from pedigree.cards.records import ModelCard

if TYPE_CHECKING:
    from markdown_it import MarkdownIt

MOST_BYTES = 256_000
"""A longer card is not rendered: Markdown that is made for it would keep the service busy."""

# A parser in Python takes some 30 µs for each character that may begin or end a construct, and for
# each line: a card of the registry's own template has a tenth of these.
_MOST_MARKS, _MOST_LINES = 30_000, 10_000
_MARKS = "[]()*_`|&<!\\"

# Neither images nor anything that loads, runs or takes input.
_TAGS = frozenset(
    {
        *("p", "h2", "h3", "h4", "h5", "h6", "ul", "ol", "li", "blockquote", "pre", "hr", "br"),
        *("strong", "em", "code", "a", "table", "thead", "tbody", "tr", "th", "td"),
    }
)
# Links within this service would be mistaken for its own.
_LINKS = ("https://", "http://", "mailto:")
_FRONT_MATTER = re.compile(r"\A---\n.*?\n---\n", re.DOTALL)
_TITLE = re.compile(r"\A\s*# [^\n]*\n")
_HEADING = re.compile(r"<h2>(.*?)</h2>", re.DOTALL)
_NOT_PROVIDED = "<em>not provided</em>"
# What people write. The rest is drawn from the record, which the page shows elsewhere.
_OPEN = frozenset({"Intended Use", "Ethical Considerations", "Caveats and Recommendations"})
_MOST_KEPT = 8_000_000  # characters


class CardSection(NamedTuple):
    """A section of a card.

    Attributes:
        title: Its heading; empty for what comes before the first one.
        html: Its cleaned content.
        missing: How many fields are not provided.
        is_open: Whether people wrote it, so that it is shown at once.
    """

    title: Markup
    html: Markup
    missing: int
    is_open: bool


class _Kept:
    """Rendered cards by their digests, the last used ones."""

    def __init__(self) -> None:
        self._cards: OrderedDict[str, tuple[CardSection, ...]] = OrderedDict()
        self._size = 0
        self._guard = Lock()

    def get(self, digest: str) -> tuple[CardSection, ...] | None:
        with self._guard:
            if digest in self._cards:
                self._cards.move_to_end(digest)
            return self._cards.get(digest)

    def keep(self, digest: str, sections: tuple[CardSection, ...]) -> None:
        with self._guard:
            if digest in self._cards:
                return
            self._cards[digest] = sections
            self._size += _size_of(sections)
            while self._size > _MOST_KEPT and self._cards:
                _, dropped = self._cards.popitem(last=False)
                self._size -= _size_of(dropped)


_KEPT = _Kept()


def card_sections(card: ModelCard) -> tuple[CardSection, ...] | None:
    """Return the sections of a card; None if it is too long or too intricate to be rendered."""
    if not is_bounded(card.markdown):
        return None
    # Not by the digest of the stored card: that has pseudonyms, and people may be erased.
    digest = digest_of(card.markdown.encode())
    if (kept := _KEPT.get(digest)) is not None:
        return kept
    sections = rendered(card.markdown)
    _KEPT.keep(digest, sections)
    return sections


def is_bounded(markdown: str) -> bool:
    """Return whether some Markdown is short and simple enough to be rendered for a page."""
    return (
        len(markdown) <= MOST_BYTES
        and len(markdown.encode()) <= MOST_BYTES
        and markdown.count("\n") <= _MOST_LINES
        and sum(map(markdown.count, _MARKS)) <= _MOST_MARKS
    )


def rendered(markdown: str) -> tuple[CardSection, ...]:
    """Return the sections of some Markdown, without its front matter and its title."""
    import nh3  # noqa: PLC0415 -- only pages with cards need it

    text = _TITLE.sub("", _FRONT_MATTER.sub("", markdown, count=1), count=1)
    html = nh3.clean(
        _parser().render(text),
        tags=set(_TAGS),
        attributes={"*": set(), "a": {"href"}},
        attribute_filter=_filtered,
        link_rel="nofollow noopener noreferrer",
    )
    first, *rest = _HEADING.split(_with_scrolling_tables(html))
    before = [_section("", first)] if first.strip() else []
    pairs = zip(rest[::2], rest[1::2], strict=True)
    return (*before, *(_section(title, body) for title, body in pairs))


def _filtered(_tag: str, attribute: str, value: str) -> str | None:
    """Return the target of a link if it leads to the web or to mail; ``rel`` is of the cleaner."""
    return value if attribute == "rel" or value.casefold().startswith(_LINKS) else None


def _section(title: str, body: str) -> CardSection:
    missing = body.count(_NOT_PROVIDED)
    says_nothing = 0 < missing >= body.count("<h3>")
    # Both come from nh3, which has escaped and cleaned them.
    return CardSection(
        Markup(title),  # noqa: S704
        Markup(body),  # noqa: S704
        missing,
        not title or (title in _OPEN and not says_nothing),
    )


def _with_scrolling_tables(html: str) -> str:
    """Return the HTML with each table in a box of its own that scrolls, also by the keyboard."""
    before, *rest = html.split("<table>")
    parts = [before]
    for place, part in enumerate(rest, start=1):
        label = f"Table {place} of the card"
        box = f'<div class="scroll" tabindex="0" role="region" aria-label="{label}">'
        parts.append(f"{box}<table>{part.replace('</table>', '</table></div>', 1)}")
    return "".join(parts)


@cache
def _parser() -> "MarkdownIt":
    from markdown_it import MarkdownIt  # noqa: PLC0415 -- only pages with cards need it

    return MarkdownIt("commonmark", {"html": False}).enable("table").disable("image")


def _size_of(sections: tuple[CardSection, ...]) -> int:
    return sum(len(each.title) + len(each.html) for each in sections)
