"""The check of the stored blocks against the leaves of the events."""

from collections.abc import Iterable, Iterator

from pedigree.audit.nodes import SQL
from pedigree.audit.tree import HASH_BYTES, WIDTH, Node, folded
from pedigree.postgres.transaction import Transaction, stream


def blocks_of(leaves: Iterable[bytes]) -> Iterator[tuple[Node, bytes]]:
    """Yield each full block of a tree of leaves, in memory that grows with their logarithm."""
    rows = [bytearray()]
    counts = [0]
    for leaf in leaves:
        level, found = 0, leaf
        while True:
            rows[level] += found
            if len(rows[level]) < WIDTH * HASH_BYTES:
                break
            found = folded(bytes(rows[level]))
            rows[level] = bytearray()
            yield (level + 1, counts[level]), found
            counts[level] += 1
            level += 1
            if level == len(rows):
                rows.append(bytearray())
                counts.append(0)


def damaged_blocks(transaction: Transaction) -> Iterator[Node]:
    """Yield the blocks that differ from the leaves, are missing, or have no events.

    Call it in a snapshot.
    """
    rows = transaction.execute(SQL["log_blocks"]).fetchall()
    stored = {(row["level"], row["index"]): bytes(row["hash"]) for row in rows}
    leaves = (bytes(row["leaf"]) for row in stream(transaction, SQL["sealed_leaves"]))
    for node, expected in blocks_of(leaves):
        if stored.pop(node, None) != expected:
            yield node
    yield from stored
