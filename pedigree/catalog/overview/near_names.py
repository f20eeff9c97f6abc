"""Names of models that somebody may have meant by a name that no model has."""

from collections.abc import Sequence
from difflib import get_close_matches
from unicodedata import normalize

from pedigree.catalog.overview.reading import SQL
from pedigree.postgres.transaction import Transaction

_AROUND = 300
_MOST = 3
_LONGEST = 256


def near_names(
    transaction: Transaction, name: str, visible: Sequence[str] | None
) -> tuple[str, ...]:
    """Return up to three names that look like another one, the most alike first.

    They are looked for among 600 models, whose names are next to it in their order: a name that
    differs in its first letters is found only where there are no more models than that.

    Args:
        transaction: Where to read.
        name: The name that no model has.
        visible: Only models of these names exist for the caller; all models when None.
    """
    asked = _key(name[:_LONGEST])
    statement = "names_around" if visible is None else "visible_names_around"
    values = {"key": asked, "around": _AROUND, "visible": visible}
    rows = transaction.execute(SQL[statement], values).fetchall()
    by_key = {_key(row["name"]): row["name"] for row in rows}
    return tuple(by_key[each] for each in get_close_matches(asked, by_key, n=_MOST))


def _key(name: str) -> str:
    return normalize("NFKC", name).lower()
