"""Patterns of claims: ``*`` matches any characters, case counts, and nothing else is special.

There are no regular expressions, so no pattern of the file and no claim of a caller can take more
than linear time for each part between stars.
"""

from collections.abc import Iterable
from itertools import product

from pedigree.access.patterns import fits

# Characters that a claim hardly has, and a regular expression nearly always does.
_OF_EXPRESSIONS = ("^", "\\", ".*", ".+", ")+", ")*", "]+", "]*", "(?")


def is_pattern(text: str) -> bool:
    """Return whether a text is a pattern, and not a regular expression by mistake.

    >>> is_pattern("refs/heads/release-*"), is_pattern("^(a+)+$"), is_pattern("refs/heads/.*")
    (True, False, False)
    """
    return (
        bool(text) and not text.endswith("$") and not any(each in text for each in _OF_EXPRESSIONS)
    )


def is_exact(text: str) -> bool:
    """Return whether a pattern matches one text only."""
    return "*" not in text


def matches(value: str, patterns: Iterable[str]) -> bool:
    """Return whether a text matches one of the patterns; case counts.

    >>> matches("refs/heads/main", ["refs/heads/*"]), matches("Main", ["main"])
    (True, False)
    """
    return any(fits(value, pattern) for pattern in patterns)


def overlap(left: Iterable[str], right: Iterable[str]) -> bool:
    """Return whether a text exists that matches a pattern of each side.

    >>> overlap(["refs/*"], ["refs/pull/*"]), overlap(["refs/heads/*"], ["refs/pull/*"])
    (True, False)
    >>> overlap(["a*c"], ["*bc"]), overlap(["a*"], ["*b"]), overlap(["ab"], ["a"])
    (True, True, False)
    """
    return any(_overlap(one, other) for one, other in product(left, right))


def _overlap(one: str, other: str) -> bool:
    """Read one pattern letter by letter, with the places of the other that the text can reach."""
    reached = _past_stars({0}, other)
    for letter in one:
        if letter == "*":
            reached = set(range(min(reached, default=len(other) + 1), len(other) + 1))
            continue
        stays = {place for place in reached if other[place : place + 1] == "*"}
        goes = {place + 1 for place in reached if other[place : place + 1] == letter}
        reached = _past_stars(stays | goes, other)
    return len(other) in reached


def _past_stars(reached: set[int], other: str) -> set[int]:
    """Add the places after stars, which may match nothing."""
    further = set(reached)
    for place, letter in enumerate(other):
        if letter == "*" and place in further:
            further.add(place + 1)
    return further
