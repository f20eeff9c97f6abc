"""Check the sealed log: its tree, its checkpoints, its keys and its anchors."""

from pedigree.artifacts.objects import ObjectStore
from pedigree.audit.anchors import Anchors
from pedigree.audit.blocks import damaged_blocks
from pedigree.audit.export import verify
from pedigree.maintenance.fsck_parts import PartsDone, unreported
from pedigree.maintenance.violations import Tally
from pedigree.postgres.database import Database
from pedigree.postgres.transaction import Transaction, take_snapshot


def check_log(database: Database, store: ObjectStore, report: PartsDone = unreported) -> Tally:
    """Verify the log with its own keys, and compare the stored blocks with the events.

    A log that was never sealed has nothing to check.

    Args:
        database: The registry's database.
        store: The registry's object store.
        report: Called after each of the two parts.

    Raises:
        StoreUnavailableError: The store does not answer.
    """
    tally = Tally()
    anchors = list(Anchors(database, store).notes(must_list=False))
    found = verify(database, [], anchors)
    tally.looked_at = found.checkpoints + found.anchors
    if found.keys or found.key_changes or anchors:
        for problem in found.problems:
            tally.found("log", problem)
    report(1, 2)
    for level, index in database.transaction(_damaged_blocks):
        tally.found(f"block {index} of level {level}", "it is not the hash of its events")
    report(2, 2)
    return tally


def _damaged_blocks(transaction: Transaction) -> list[tuple[int, int]]:
    take_snapshot(transaction)
    return list(damaged_blocks(transaction))
