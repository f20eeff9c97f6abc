r"""Text of others for a terminal or a log: its control characters are shown, and do nothing.

>>> print(visible("\x1b[31mred"), in_one_line("first\nsecond"))
\x1b[31mred first\nsecond
"""

import re

# Controls of terminals, of the direction of text, and of lines; and halves of characters, which no
# encoding can write. A line feed and a tab lay a text out.
_HIDDEN = (
    r"\x00-\x08\x0b-\x1f\x7f-\x9f"
    r"\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff\ud800-\udfff"
)
_CONTROLS = re.compile(f"[{_HIDDEN}]")
_ALL_CONTROLS = re.compile(f"[\\n\\t{_HIDDEN}]")


def visible(text: str) -> str:
    """Return a text whose control characters are escaped, except line feeds and tabs."""
    return _CONTROLS.sub(_escaped, text)


def in_one_line(text: str) -> str:
    """Return a text whose control characters are escaped, line feeds and tabs too."""
    return _ALL_CONTROLS.sub(_escaped, text)


def _escaped(found: re.Match[str]) -> str:
    return found[0].encode("unicode_escape").decode()
