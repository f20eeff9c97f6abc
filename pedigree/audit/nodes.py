"""Hashes of the log's tree: leaves of the feed's events, and the stored full blocks."""

from collections.abc import Collection

from pedigree.audit.tree import Node, NodeRange, nodes_of
from pedigree.errors import LogTamperedError
from pedigree.postgres.queries import load_queries
from pedigree.postgres.transaction import Transaction

SQL = load_queries(__package__)


def read_nodes(transaction: Transaction, ranges: Collection[NodeRange]) -> dict[Node, bytes]:
    """Return the hashes of ranges of nodes, by one statement.

    Raises:
        LogTamperedError: One of them is missing.
    """
    values = {
        "levels": [each.level for each in ranges],
        "starts": [each.start for each in ranges],
        "stops": [each.stop for each in ranges],
    }
    rows = transaction.execute(SQL["log_nodes"], values)
    known = {(row["level"], row["index"]): bytes(row["hash"]) for row in rows}
    for level, index in nodes_of(ranges):
        if (level, index) not in known:
            what = f"the event {index + 1}" if level == 0 else f"block {index} of level {level}"
            raise LogTamperedError(
                f"the audit log lacks {what}", remedy="Restore the database from a backup"
            )
    return known
