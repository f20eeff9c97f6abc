"""Hashes of the log's tree: leaves of the feed's events, and the stored full blocks."""

from collections.abc import Collection

from pedigree.audit.tree import HASH_BYTES, Node, NodeRange
from pedigree.errors import LogTamperedError
from pedigree.postgres.queries import load_queries
from pedigree.postgres.transaction import Transaction

SQL = load_queries(__package__)


def read_nodes(transaction: Transaction, ranges: Collection[NodeRange]) -> dict[Node, bytes]:
    """Return the hashes of ranges of nodes, by one statement.

    Raises:
        LogTamperedError: One of them is missing.
    """
    found = read_ranges(transaction, ranges)
    return {node: each for one, row in found.items() for node, each in nodes_of(one, row)}


def read_ranges(transaction: Transaction, ranges: Collection[NodeRange]) -> dict[NodeRange, bytes]:
    """Return the hashes of each range one after the other, by one statement.

    Raises:
        LogTamperedError: One of them is missing.
    """
    # One row for each range: a row for each hash would take several times as long.
    rows = transaction.execute(SQL["log_ranges"], _values(ranges)).fetchall()
    found = {
        NodeRange(row["level"], row["start"], row["stop"]): bytes(row["hashes"] or b"")
        for row in rows
    }
    for one, hashes in found.items():
        if len(hashes) != (one.stop - one.start) * HASH_BYTES:
            raise _lacks(transaction, one)
    return found


def nodes_of(one: NodeRange, hashes: bytes) -> list[tuple[Node, bytes]]:
    """Return the nodes of a range whose hashes are one after the other."""
    return [
        ((one.level, one.start + at), hashes[at * HASH_BYTES : (at + 1) * HASH_BYTES])
        for at in range(one.stop - one.start)
    ]


def _values(ranges: Collection[NodeRange]) -> dict[str, list[int]]:
    return {
        "levels": [each.level for each in ranges],
        "starts": [each.start for each in ranges],
        "stops": [each.stop for each in ranges],
    }


def _lacks(transaction: Transaction, one: NodeRange) -> LogTamperedError:
    """Return the error that names the first missing hash of a range."""
    row = transaction.execute(SQL["log_gap"], one._asdict()).fetchone() or {}
    index = row["index"]
    what = f"block {index} of level {one.level}"
    if one.level == 0:
        what = "an event" if index is None else f"the event {index + 1}"
    return LogTamperedError(
        f"the audit log lacks {what}", remedy="Restore the database from a backup"
    )
