"""Lists of people in policies: names, patterns of names, roles and groups.

``ann@risk.example`` is a name, ``*@risk.example`` a pattern, ``role:approver`` everybody who holds
the role, and ``group:risk`` everybody in the group. No name begins with these words.
"""

from collections.abc import Collection
from functools import lru_cache
from typing import NamedTuple

ROLE = "role:"
GROUP = "group:"
WORDS = (ROLE, GROUP)


class People(NamedTuple):
    """A list of people, by what its entries are."""

    names: tuple[str, ...]
    roles: frozenset[str]
    groups: frozenset[str]


def named_in(people: Collection[str]) -> People:
    """Return the names, the roles and the groups of a list.

    >>> named_in(("ann", "role:approver", "group:risk")).roles
    frozenset({'approver'})
    """
    return _named_in(tuple(people))


@lru_cache(maxsize=1000)
def _named_in(people: tuple[str, ...]) -> People:
    return People(
        tuple(each for each in people if not each.startswith(WORDS)),
        frozenset(each.removeprefix(ROLE) for each in people if each.startswith(ROLE)),
        frozenset(each.removeprefix(GROUP) for each in people if each.startswith(GROUP)),
    )
