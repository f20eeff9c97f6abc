"""Make the plan of a garbage collection: what to remove, what to move, and why."""

from datetime import timedelta

from pedigree.maintenance.gc_plan import Plan
from pedigree.maintenance.gc_records import ITEM
from pedigree.maintenance.queries import SQL
from pedigree.postgres.database import Database
from pedigree.postgres.transaction import Transaction, stream, take_snapshot

# The order of the work: a referrer is removed before what it refers to.
_LISTS = {
    "version": "list_versions",
    "artifact": "list_artifacts",
    "blob": "list_blobs",
    "tier": "list_tiers",
    "move": "list_moves",
    "upload": "list_uploads",
    "key": "list_keys",
}


def make_plan(database: Database, window: timedelta) -> Plan:
    """Return what a garbage collection would do now; nothing is changed.

    Args:
        database: The registry's database.
        window: How long a deleted version can be restored if its model has no window.

    Returns:
        The plan, from one snapshot; close it.
    """
    return database.transaction(lambda transaction: _plan(transaction, window))


def _plan(transaction: Transaction, window: timedelta) -> Plan:
    take_snapshot(transaction)
    transaction.execute(SQL["make_plan_tables"])
    transaction.execute(SQL["plan_versions"], {"window_s": window.total_seconds()})
    transaction.execute(SQL["analyze_planned_versions"])
    transaction.execute(SQL["plan_artifacts"])
    transaction.execute(SQL["analyze_planned_artifacts"])
    transaction.execute(SQL["plan_blobs"])
    transaction.execute(SQL["plan_tiers"])
    plan = Plan()
    try:
        for kind, query in _LISTS.items():
            for row in stream(transaction, SQL[query]):
                plan.add(ITEM.validate_python({"kind": kind, **row}))
    except BaseException:
        plan.close()
        raise
    return plan
