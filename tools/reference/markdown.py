"""Tables and pages in Markdown."""

from collections.abc import Iterable, Sequence


def page(title: str, *blocks: str) -> str:
    """Return a page: its title, a note on its origin, and its blocks with empty lines between."""
    note = "<!-- Written from the code by `python -m tools.reference`. Do not edit. -->"
    return "\n\n".join((f"# {title}", note, *blocks)) + "\n"


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return a table; a bar in a cell is escaped.

    >>> print(table(["a", "b"], [["1", "2"]]))
    | a | b |
    |---|---|
    | 1 | 2 |
    """
    lines = [_row(head), f"|{'---|' * len(head)}", *map(_row, rows)]
    return "\n".join(lines)


def _row(cells: Sequence[str]) -> str:
    return f"| {' | '.join(' '.join(cell.replace('|', chr(92) + '|').split()) for cell in cells)} |"


def code(text: str) -> str:
    """Return a text as code, or nothing for an empty text."""
    return f"`{text}`" if text else ""


def from_docstring(text: str | None) -> str:
    """Return a docstring's first paragraph, with its code in the way of Markdown."""
    return " ".join((text or "").strip().partition("\n\n")[0].split()).replace("``", "`")
