"""Names and patterns of names, in which ``*`` matches any characters.

Promoters, approvers and editors of policies, the models of tokens, and the types and models of
webhooks all use this one function.
"""

from collections.abc import Iterable


def is_one_of(name: str, patterns: Iterable[str]) -> bool:
    """Return whether a name matches one of the names or patterns, ignoring case.

    ``*`` matches any characters, or none. Nothing else is special: brackets and question marks
    are part of names such as ``github-actions[bot]``.

    >>> is_one_of("Ann@Risk.example", ["bob", "*@risk.example"])
    True
    >>> is_one_of("github-actionst", ["github-actions[bot]"])
    False
    """
    folded = name.casefold()
    return any(fits(folded, pattern.casefold()) for pattern in patterns)


def fits(name: str, pattern: str) -> bool:
    """Return whether a name matches a pattern, in which ``*`` matches any characters; case counts.

    It searches for the parts between stars from left to right, which needs no backtracking.
    """
    first, *others = pattern.split("*")
    if not others:
        return name == first
    if not name.startswith(first):
        return False
    *middle, last = others
    at = len(first)
    for part in middle:
        found = name.find(part, at)
        if found < 0:
            return False
        at = found + len(part)
    return len(name) - len(last) >= at and name.endswith(last)
