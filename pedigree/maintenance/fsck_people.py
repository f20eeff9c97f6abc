"""Check who is one person with whom, and who is let in, by a replay of the events in Python.

One row follows from the events of several: persons that are joined or parted keep the time since
when they are not let in.
"""

from functools import partial

from pedigree.audit.records import NewEvent
from pedigree.audit.verifier.access_states import PRINCIPAL, ReplayedAccess
from pedigree.audit.verifier.comparing import plain
from pedigree.maintenance.fsck_parts import PartsDone, unreported
from pedigree.maintenance.queries import SQL
from pedigree.maintenance.violations import Tally
from pedigree.postgres.database import Database
from pedigree.postgres.transaction import Transaction, stream, take_snapshot


def check_principals(database: Database, report: PartsDone = unreported) -> Tally:
    """Compare all principals with their events.

    Args:
        database: The registry's database.
        report: Called when all are compared.
    """
    tally = Tally()
    database.transaction(partial(_compare, tally))
    report(1, 1)
    return tally


def _compare(tally: Tally, transaction: Transaction) -> None:
    take_snapshot(transaction)
    replayed = ReplayedAccess()
    for row in stream(transaction, SQL["events_of_principals"]):
        try:
            replayed.fold(NewEvent.stored(bytes(row["canonical"])))
        except (KeyError, TypeError, ValueError) as error:
            tally.found(f"event {row['id']}", f"it cannot be replayed: {error!r}")
    for row in stream(transaction, SQL["rows_of_principals"]):
        key = str(row.pop("principal_id"))
        tally.looked_at += 1
        for problem in replayed.differences(PRINCIPAL, key, plain(row)):
            tally.found(f"principal {key}", problem)
    for table, key in replayed.missing():
        if table == PRINCIPAL:
            tally.found(f"principal {key}", "its row is missing")
