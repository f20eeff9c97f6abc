"""Lists: one page of them, and whether there is more."""

import shlex
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from pedigree.cli._output import respond

T = TypeVar("T")


@dataclass(frozen=True, kw_only=True)
class Listing(Generic[T]):
    """One page of a list; a list without pages is one page."""

    items: Sequence[T]
    next: str | None = None
    """The value of the option for the next page; None if there is no further record."""
    option: str = "--after"


def page_of(
    read: Callable[[int], Sequence[T]],
    limit: int,
    place: Callable[[T], object],
    option: str = "--after",
) -> Listing[T]:
    """Read a page, and find whether there is a next one.

    Args:
        read: Returns at most a number of records.
        limit: How many the page has at most.
        place: Returns the cursor of the page after a record.
        option: The option that takes the cursor.
    """
    found = read(limit + 1)
    items = found[:limit]
    further = str(place(items[-1])) if _has_more(found, limit) else None
    return Listing(items=items, next=further, option=option)


def page_before(
    read: Callable[[int], Sequence[T]], limit: int, place: Callable[[T], object]
) -> Listing[T]:
    """Read a page of a list that is read backward: the last records, in order.

    Args:
        read: Returns at most a number of the last records.
        limit: How many the page has at most.
        place: Returns the cursor of the page before a record.
    """
    found = read(limit + 1)
    items = found[-limit:]
    further = str(place(items[0])) if _has_more(found, limit) else None
    return Listing(items=items, next=further, option="--before")


def _has_more(found: Sequence[T], limit: int) -> bool:
    """Return whether one record more than the limit was found, or the size cut the page."""
    # An attribute of RecordPage, whose module loads pydantic, which `--help` does not need.
    return len(found) > limit or bool(getattr(found, "is_cut", False))


def respond_list(
    listing: Listing[T], as_json: bool, view: Callable[[], object], document: object = None
) -> None:
    """Print a list: ``items`` and ``next`` in JSON; for people, how to see more.

    Args:
        listing: The page.
        as_json: Print JSON.
        view: As for :func:`pedigree.cli._output.respond`.
        document: A record or a structure to print in place of ``items``.
    """
    shown = {"items": listing.items} if document is None else document
    respond(lambda: {**_fields(shown), "next": listing.next}, as_json, lambda: _all(view, listing))


def _fields(value: object) -> dict[str, object]:
    if callable(dump := getattr(value, "model_dump", None)):  # a record, without loading pydantic
        value = dump(mode="json")
    assert isinstance(value, dict)
    return value


def _all(view: Callable[[], object], listing: Listing[T]) -> Iterator[object]:
    shown = view()
    if isinstance(shown, Iterator):
        yield from shown
    else:
        yield shown
    if listing.next is not None:
        yield f"There is more: {listing.option} {shlex.quote(listing.next)}"
