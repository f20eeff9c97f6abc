"""Reading a page as its readers do: its text, links, headings and forms."""

import re
from dataclasses import dataclass, field
from html.parser import HTMLParser

import httpx2

_VOID = frozenset({"meta", "link", "input", "br", "hr", "img"})
_HIDDEN = frozenset({"script", "style", "title"})


@dataclass
class Element:
    """An element with what is in it."""

    name: str
    attributes: dict[str, str | None]
    children: list["Element | str"] = field(default_factory=list)

    @property
    def text(self) -> str:
        """Its text, with single spaces."""
        return " ".join("".join(_texts(self)).split())

    def all(self, name: str, /, **attributes: str) -> list["Element"]:
        """All elements of a name within it, with these attributes (``class_`` is one class)."""
        found = []
        for child in self.children:
            if isinstance(child, Element):
                if child.name == name and child.has(**attributes):
                    found.append(child)
                found += child.all(name, **attributes)
        return found

    def one(self, name: str, /, **attributes: str) -> "Element":
        """The only such element."""
        (found,) = self.all(name, **attributes)
        return found

    def has(self, **attributes: str) -> bool:
        """Whether it has these attributes."""
        classes = (self.attributes.get("class") or "").split()
        return all(
            value in classes if key == "class_" else self.attributes.get(key) == value
            for key, value in attributes.items()
        )


def _texts(element: Element) -> list[str]:
    if element.name in _HIDDEN:
        return []
    found: list[str] = []
    for child in element.children:
        found += [child] if isinstance(child, str) else _texts(child)
    return [*found, " "] if element.name not in ("a", "b", "span", "bdi", "time") else found


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.root = Element("", {})
        self._open = [self.root]

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        element = Element(tag, dict(attrs))
        self._open[-1].children.append(element)
        if tag not in _VOID:
            self._open.append(element)

    def handle_endtag(self, tag: str) -> None:
        if tag in _VOID:
            return
        assert self._open[-1].name == tag, f"</{tag}> ends <{self._open[-1].name}>"
        self._open.pop()

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._open[-1].children.append(Element(tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self._open[-1].children.append(data)


def read(answer: httpx2.Response) -> Element:
    """Return the page of an answer; every element must be closed, and no style be inline."""
    reader = _Reader()
    reader.feed(answer.text)
    reader.close()
    assert not re.search(r"<[^>]*\s(style|on[a-z]+)=", answer.text)
    return reader.root


def main_text(answer: httpx2.Response) -> str:
    """Return the text of a page's main part."""
    return read(answer).one("main").text
