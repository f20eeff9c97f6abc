"""Excerpts for messages: a shortened value, or a line with a marked place."""

# Characters of a long line that an excerpt keeps on each side of the place.
_CONTEXT = 60


def excerpt(text: str, place: tuple[int, int]) -> str:
    """Return the line of a place, with carets below it.

    Args:
        text: The text.
        place: The offset of the first character, and the offset after the last.
    """
    start, end = place
    begin = text.rfind("\n", 0, start) + 1
    line = text[begin:].partition("\n")[0].replace("\t", " ")
    first = max(0, start - begin - _CONTEXT)
    carets = "^" * max(1, min(end - start, len(line) - (start - begin)))
    part = line[first : first + 2 * _CONTEXT]
    return f"{part}\n  {' ' * (start - begin - first)}{carets[: 2 * _CONTEXT]}"


def shortened(value: object, limit: int = 120) -> str:
    """Return the ``repr`` of a value, cut to ``limit`` characters."""
    text = repr(value)
    return text if len(text) <= limit else f"{text[:limit]}…"
