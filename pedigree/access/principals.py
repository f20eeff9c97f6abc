"""Who and what is meant: names, and patterns of them in which ``*`` stands for anything.

Promoters, approvers and editors of policies, the models of tokens, and the types and models of
webhooks are all read by this one function.
"""

from collections.abc import Iterable


def is_one_of(name: str, patterns: Iterable[str]) -> bool:
    """Say whether a name is one of some names or patterns, whatever its case.

    ``*`` stands for any characters, also none. Nothing else is special: brackets and question
    marks are part of names such as ``github-actions[bot]``.

    >>> is_one_of("Ann@Risk.example", ["bob", "*@risk.example"])
    True
    >>> is_one_of("github-actionst", ["github-actions[bot]"])
    False
    """
    folded = name.casefold()
    return any(_fits(folded, pattern.casefold()) for pattern in patterns)


def _fits(name: str, pattern: str) -> bool:
    """Look for the parts between stars from left to right, which takes no backtracking."""
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
