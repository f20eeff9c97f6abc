"""A text that users read, with its place, and what is found in it."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from tools.plain_english.words import matches


@dataclass(frozen=True, kw_only=True)
class Text:
    """A text, where it begins, and whether its line breaks are those of the file."""

    file: str
    line: int
    text: str
    breaks: bool = False


def findings(texts: Iterable[Text]) -> Iterator[str]:
    """Yield each finding as a line: its place, the words, what to write instead."""
    for text in texts:
        for found in matches(text.text):
            line = text.line + (text.text.count("\n", 0, found.start) if text.breaks else 0)
            words = " ".join(found.words.split())
            yield f"{text.file}:{line}: {words!r}: write {found.instead}"
