"""Check the object of every blob."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial

from pedigree.artifacts.objects import ObjectStore
from pedigree.artifacts.pull import check_object
from pedigree.artifacts.statistics import statistics
from pedigree.errors import CorruptionError
from pedigree.failures.member_loop import MemberLoop
from pedigree.failures.outages import store_probe
from pedigree.maintenance.fsck_parts import PartsDone
from pedigree.maintenance.queries import SQL
from pedigree.maintenance.violations import Tally
from pedigree.postgres.database import Database
from pedigree.postgres.transaction import Row

# Asking a remote store for a size is only waiting.
_AT_ONCE = 8

Look = Callable[[Row], str | None]


def check_objects(
    database: Database, store: ObjectStore, report: PartsDone, *, hashes: bool
) -> Tally:
    """Check the objects of all blobs, a page at a time.

    Args:
        database: The registry's database.
        store: The registry's object store.
        report: Called after each page with the number of checked objects and of all.
        hashes: Read every object and compare its digest.

    Raises:
        StoreUnavailableError: The store does not answer.
    """
    tally, after = Tally(), ""
    expected = statistics(database).blobs
    loop = MemberLoop(None, "objects", is_outage=store_probe(database, store))

    def look(row: Row) -> str | None:
        problem = loop.attempt(row["digest"], partial(_problem, store, row, hashes=hashes))
        return problem.value if problem.is_done else f"its object {row['key']} cannot be read"

    with ThreadPoolExecutor(_AT_ONCE, "pedigree-fsck") as pool:
        while page := database.fetch_all(SQL["page_of_blobs"], {"after": after}):
            for row, problem in zip(page, pool.map(look, page), strict=True):
                if problem and _still_has_key(database, row):
                    tally.found(row["digest"], problem)
            tally.looked_at, after = tally.looked_at + len(page), page[-1]["digest"]
            report(tally.looked_at, expected)
    return tally


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
