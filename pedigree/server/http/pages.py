"""Pages of lists, in their answers."""

from collections.abc import Sequence
from typing import Generic, TypeVar

from pydantic import Field

from pedigree._record import Record, RecordPage

T = TypeVar("T")


class Page(Record, Generic[T]):
    """One page of a list; the header ``Link`` has the next one."""

    items: tuple[T, ...]
    next: str | None = Field(
        default=None, description="The cursor of the next page; null on the last one"
    )


def has_more(found: Sequence[object], limit: int) -> bool:
    """Return whether one record more than the limit was found, or the size cut the page."""
    return len(found) > limit or is_cut(found)


def is_cut(found: Sequence[object]) -> bool:
    """Return whether a page ends early because of its size."""
    return isinstance(found, RecordPage) and found.is_cut
