"""Show a value in a message: shortened, or with the place that is meant."""

# So many characters before a place, and from it on, are shown of a long line.
_SHOWN = 60


def pointed(text: str, place: tuple[int, int]) -> str:
    """Return the line of a place, with carets below it.

    Args:
        text: The text.
        place: The first character, and the one behind the last.
    """
    start, end = place
    begin = text.rfind("\n", 0, start) + 1
    line = text[begin:].partition("\n")[0].replace("\t", " ")
    first = max(0, start - begin - _SHOWN)
    carets = "^" * max(1, min(end - start, len(line) - (start - begin)))
    shown = line[first : first + 2 * _SHOWN]
    return f"{shown}\n  {' ' * (start - begin - first)}{carets[: 2 * _SHOWN]}"


def shortened(value: object, limit: int = 120) -> str:
    """Return how Python writes a value, its first characters if they are many."""
    text = repr(value)
    return text if len(text) <= limit else f"{text[:limit]}…"
