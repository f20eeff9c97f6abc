"""Who is meant: names of principals, and patterns of them."""

from collections.abc import Iterable
from fnmatch import fnmatchcase


def is_one_of(name: str, patterns: Iterable[str]) -> bool:
    """Say whether a name is one of some names or patterns, whatever its case.

    >>> is_one_of("Ann@Risk.example", ["bob", "*@risk.example"])
    True
    """
    folded = name.casefold()
    return any(fnmatchcase(folded, pattern.casefold()) for pattern in patterns)
