"""Claims of a token: how rules name them, compare them, and make names of them."""

import re
from collections.abc import Mapping, Sequence
from typing import TypeAlias

from pydantic import JsonValue

from pedigree.access.oidc.globs import matches, overlap

Claims: TypeAlias = Mapping[str, JsonValue]
"""The claims of a token whose signature is valid."""

Wanted: TypeAlias = str | bool | int
"""What a claim must be: a pattern for a text, else an equal value."""

_PART = re.compile(r"\{([^{}]+)\}")


def claim(claims: Claims, name: str) -> JsonValue:
    """Return a claim; None if there is none.

    Args:
        claims: The claims.
        name: A claim, or a JSON pointer (RFC 6901) to a value in one.

    >>> claim({"a": {"b/c": 1}}, "/a/b~1c"), claim({"https://x/roles": 2}, "https://x/roles")
    (1, 2)
    """
    if not name.startswith("/"):
        return claims.get(name)
    found: JsonValue = dict(claims)
    for part in name[1:].split("/"):
        if not isinstance(found, dict):
            return None
        found = found.get(part.replace("~1", "/").replace("~0", "~"))
    return found


def holds(value: JsonValue, wanted: Sequence[Wanted]) -> bool:
    """Return whether a claim, or a member of it if it is a list, is one of the wanted values.

    >>> holds(["ml", "risk"], ("ri*",)), holds(True, ("true",)), holds(1, (True,))
    (True, False, False)
    """
    values = value if isinstance(value, list) else [value]
    return any(_is(each, one) for each in values for one in wanted)


def _is(value: JsonValue, wanted: Wanted) -> bool:
    if isinstance(value, str) and isinstance(wanted, str):
        return matches(value, (wanted,))
    return type(value) is type(wanted) and value == wanted


def may_both_hold(left: Sequence[Wanted], right: Sequence[Wanted]) -> bool:
    """Return whether one value, which is no list, could be wanted by both."""
    return any(
        overlap((one,), (other,))
        if isinstance(one, str) and isinstance(other, str)
        else type(one) is type(other) and one == other
        for one in left
        for other in right
    )


def names_in(template: str) -> list[str]:
    """Return the claims that a template names.

    >>> names_in("{sub}@{/kubernetes.io/namespace}")
    ['sub', '/kubernetes.io/namespace']
    """
    return _PART.findall(template)


def filled(template: str, claims: Claims) -> str | None:
    """Return a template with the claims that it names; None if one is missing or is no text.

    >>> filled("ci@{repository}", {"repository": "o/r"}), filled("{sub}", {"sub": 7})
    ('ci@o/r', None)
    """
    values = {name: claim(claims, name) for name in names_in(template)}
    if any(not isinstance(value, str) or not value for value in values.values()):
        return None
    return _PART.sub(lambda found: str(values[found[1]]), template)
