"""The prose of Markdown files: paragraphs, headings, lists and tables, without their code."""

import re
from collections.abc import Iterator, Sequence
from pathlib import Path

from markdown_it import MarkdownIt
from markdown_it.token import Token

from tools.plain_english.texts import Text
from tools.reference import FOLDER

_PARSER = MarkdownIt("commonmark").enable("table")
_PART = re.compile(r"\s*<!-- (/?)[\w-]+ -->\s*")
_CODE = "`…`"


def documentation(root: Path) -> Iterator[Text]:
    """Yield the prose that people write: the README and the pages, without generated parts."""
    for file in _files(root):
        if not file.startswith(FOLDER):
            yield from prose(file, (root / file).read_text(encoding="utf-8"))


def generated_parts(root: Path) -> Iterator[Text]:
    """Yield the prose that is generated from the code: the reference, and parts of pages."""
    for file in _files(root):
        whole = file.startswith(FOLDER)
        for generated, text in _parts(file, (root / file).read_text(encoding="utf-8")):
            if generated or whole:
                yield text


def _files(root: Path) -> list[str]:
    files = [*root.glob("*.md"), *(root / "docs").rglob("*.md")]
    return sorted(file.relative_to(root).as_posix() for file in files)


def prose(file: str, markdown: str) -> Iterator[Text]:
    """Yield the prose of a document, except between ``<!-- part -->`` and ``<!-- /part -->``."""
    return (text for generated, text in _parts(file, markdown) if not generated)


def _parts(file: str, markdown: str) -> Iterator[tuple[bool, Text]]:
    generated = False
    line = 0
    for token in _PARSER.parse(markdown):
        line = token.map[0] if token.map else line
        if token.type == "html_block" and (found := _PART.fullmatch(token.content)):
            generated = not found[1]
        elif token.type == "inline":
            text = _words(token.children or ())
            yield generated, Text(file=file, line=line + 1, text=text, breaks=True)


def _words(tokens: Sequence[Token]) -> str:
    return "".join(_word(token) for token in tokens)


def _word(token: Token) -> str:
    match token.type:
        case "text":
            return token.content
        case "softbreak" | "hardbreak":
            return "\n"
        case "code_inline":
            return _CODE
        case "image":
            return _words(token.children or ())
        case _:
            return ""
