"""Lists of Admin: a page of records, and where the next one begins."""

from collections.abc import Callable, Sequence
from typing import Generic, NamedTuple, TypeVar

from pedigree.server.http.pages import has_more

T = TypeVar("T")

SIZE = 50


class ListPage(NamedTuple, Generic[T]):
    """One page of a list.

    Attributes:
        items: The records.
        next: The key at which the next page begins; None on the last one.
    """

    items: Sequence[T]
    next: object | None


def listed(read: Callable[[int], Sequence[T]], key: Callable[[T], object]) -> ListPage[T]:
    """Read one page.

    Args:
        read: Reads as many records as it is given.
        key: The key of a record, at which its list goes on.
    """
    found = read(SIZE + 1)
    items = found[:SIZE]
    return ListPage(items, key(items[-1]) if items and has_more(found, SIZE) else None)
