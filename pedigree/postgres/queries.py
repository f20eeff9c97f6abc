"""Named queries in ``queries.sql`` files, each after a ``-- name:`` line."""

import re
from collections.abc import Mapping
from importlib.resources import files
from types import MappingProxyType
from typing import LiteralString, cast

_NAMES: dict[str, str] = {}


def load_queries(package: str) -> Mapping[str, LiteralString]:
    """Return the named queries of a package.

    The comment lines between ``-- name: x`` and the SQL say what the query does.

    Raises:
        ValueError: Two queries of the file have the same name.
    """
    text = files(package).joinpath("queries.sql").read_text(encoding="utf-8")
    parts = re.split(r"^-- name: *(\w+) *\n", text, flags=re.MULTILINE)[1:]
    names, bodies = parts[::2], parts[1::2]
    if len(set(names)) != len(names):
        raise ValueError(f"{package}/queries.sql has two queries with the same name")
    # The text comes from this package, so it is as safe as a literal in the source.
    queries = {
        name: cast(LiteralString, body.strip()) for name, body in zip(names, bodies, strict=True)
    }
    _NAMES.update((body, name) for name, body in queries.items())
    return MappingProxyType(queries)


def name_of(query: object) -> str:
    """Return the name of a query, or the first word of an unnamed one, which is not a value.

    >>> name_of("SELECT 1")
    'SELECT'
    """
    if not isinstance(query, str):
        return "composed"
    return _NAMES.get(query) or query.partition(" ")[0].upper()
