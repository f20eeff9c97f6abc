r"""The encoding of a partition's key in a model's name, and its decoding.

Lower-case letters, digits and most signs stay unchanged. A tilde precedes a capital ASCII letter,
so that ``de`` and ``DE`` are not equivalent. Any other character is written as the hexadecimal
number of its code point between tildes: one that names must not have (``/ \ : @ % #``, the tilde
itself, control characters, a space or a dot at the key's ends), and one that
:func:`pedigree.catalog.names.name_key` would change.
"""

import re
from functools import lru_cache
from unicodedata import ucd_3_2_0

from pedigree.catalog.names import is_name, name_key
from pedigree.errors import InvalidNameError

_CAPITAL_OR_CODE = re.compile(r"~(?:([A-Z])|([0-9][0-9a-f]*)~)")


def partition_in_name(key: str) -> str:
    """Return a partition's key as part of a model's name; different keys stay different.

    They also stay different by :func:`~pedigree.catalog.names.name_key`.

    >>> partition_in_name("2026-03-01-05:00")
    '2026-03-01-05~3a~00'
    >>> partition_in_name("DE|home_improvement/2")
    '~D~E|home_improvement~2f~2'
    """
    last = len(key) - 1
    return "".join(
        char if _stands(char) and (0 < place < last or char not in " .") else _written(char)
        for place, char in enumerate(key)
    )


def partition_of_name(text: str) -> str:
    """Return the key that :func:`partition_in_name` wrote.

    >>> partition_of_name("~D~E|home_improvement~2f~2")
    'DE|home_improvement/2'

    Raises:
        InvalidNameError: The text is not an encoded key.
    """
    try:
        key = _CAPITAL_OR_CODE.sub(lambda found: found[1] or chr(int(found[2], 16)), text)
    except (OverflowError, ValueError):
        key = ""
    if partition_in_name(key) != text:
        raise InvalidNameError(
            "is not an encoded partition key",
            field="partition",
            value=text,
            remedy="Take the part of the name that replaces `{partition}`",
        )
    return key


def _written(char: str) -> str:
    if "A" <= char <= "Z":
        return f"~{char}"
    code = f"{ord(char):x}"
    return f"~{code}~" if code[0].isdecimal() else f"~0{code}~"


@lru_cache(maxsize=4096)
def _stands(char: str) -> bool:
    """Return whether a character stays unchanged everywhere in a name.

    Beyond ASCII, only letters and digits that do not combine with a preceding character do, by a
    version of Unicode that every Python has: the encoding is the same in every Python.
    """
    if char.isascii():
        return char in " ." or (is_name(char) and char != "~" and not char.isupper())
    joins_others = "\u1100" <= char <= "\u11ff"  # the parts of Korean syllables
    known = ucd_3_2_0.category(char) in {"Ll", "Lo", "Nd"} and not joins_others
    return known and name_key(char) == char and is_name(char)
