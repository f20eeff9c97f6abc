"""Check the object of every blob.

The store lists its objects in the order in which the database has their keys, so both are read
once, side by side. What the list does not confirm is looked at by itself. So a list that lacks
objects, has another order or fails costs time, but hides nothing.
"""

from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import partial

from pedigree.artifacts.objects import OBJECTS, ObjectStore
from pedigree.artifacts.pull import check_object
from pedigree.artifacts.statistics import statistics
from pedigree.errors import CorruptionError, StoreUnavailableError
from pedigree.failures.member_loop import MemberLoop
from pedigree.failures.outages import store_probe
from pedigree.maintenance.fsck_parts import PartsDone
from pedigree.maintenance.queries import SQL
from pedigree.maintenance.violations import Tally
from pedigree.postgres.database import Database
from pedigree.postgres.transaction import Row

# Asking a remote store for a size is only waiting.
_AT_ONCE = 8


def check_objects(
    database: Database, store: ObjectStore, report: PartsDone, *, hashes: bool
) -> Tally:
    """Check the objects of all blobs, a page at a time.

    Args:
        database: The registry's database.
        store: The registry's object store.
        report: Called after each page with the number of checked objects and of all.
        hashes: Read every object and compare its digest, instead of its size in the store's list.

    Raises:
        StoreUnavailableError: The store does not answer.
    """
    tally, after, listing = Tally(), "", _Listing(store)
    expected = statistics(database).blobs
    loop = MemberLoop(None, "objects", is_outage=store_probe(database, store))

    def look(row: Row) -> str | None:
        problem = loop.attempt(row["digest"], partial(_problem, store, row, hashes=hashes))
        return problem.value if problem.is_done else f"its object {row['key']} cannot be read"

    with ThreadPoolExecutor(_AT_ONCE, "pedigree-fsck") as pool:
        while page := database.fetch_all(SQL["page_of_blobs"], {"after": after}):
            doubtful = [row for row in page if hashes or not listing.confirms(row)]
            for row, problem in zip(doubtful, pool.map(look, doubtful), strict=True):
                if problem and _still_has_key(database, row):
                    tally.found(row["digest"], problem)
            tally.looked_at, after = tally.looked_at + len(page), page[-1]["key"]
            report(tally.looked_at, expected)
    return tally


class _Listing:
    """The sizes of the objects of a store, read in the order of their keys."""

    def __init__(self, store: ObjectStore) -> None:
        self._sizes = store.sizes(OBJECTS)
        self._at: tuple[str, int] | None = ("", 0)

    def confirms(self, row: Row) -> bool:
        """Return whether the list has a blob's object with its size.

        Args:
            row: The blob; its key is after that of the previous call.
        """
        while self._at is not None and self._at[0] < row["key"]:
            self._at = self._following()
        return self._at == (row["key"], row["size"])

    def _following(self) -> tuple[str, int] | None:
        # Credentials that may read objects may not list them. If the store does not answer at all,
        # the first object that is looked at says so.
        with suppress(StoreUnavailableError):
            return next(self._sizes, None)
        return None


def _problem(store: ObjectStore, row: Row, *, hashes: bool) -> str | None:
    size = store.size(row["key"])
    if size is None:
        return f"its object {row['key']} is missing"
    if size != row["size"]:
        return f"its object {row['key']} has {size} bytes instead of {row['size']}"
    if not hashes:
        return None
    try:
        check_object(store, row["key"], row["digest"])
    except CorruptionError as error:
        return f"its object {row['key']}: {error.message}"
    return None


def _still_has_key(database: Database, row: Row) -> bool:
    """Return whether the blob still has this key: it may have been collected or moved."""
    found = database.fetch_all(SQL["key_of_blob"], {"digest": row["digest"]})
    return bool(found) and found[0]["key"] == row["key"]
