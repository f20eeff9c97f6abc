"""Keys of pages: the place in a list where a page begins, as its URL says it."""

from starlette.datastructures import QueryParams

from pedigree._record import LARGEST
from pedigree.errors import InvalidInputError


def key_before(query: QueryParams, name: str = "before") -> int | None:
    """Return the number in a query at which a list goes on; None without one.

    Raises:
        InvalidInputError: It is no whole number from 1 on.
    """
    given = query.get(name)
    if given is None:
        return None
    if not (given.isascii() and given.isdigit() and 1 <= int(given[:19]) <= LARGEST):
        raise InvalidInputError(
            "is not a place in this list",
            field=name,
            value=given,
            remedy="Open the list from its first page",
        )
    return int(given)
