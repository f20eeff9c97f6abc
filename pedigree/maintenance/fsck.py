"""Check every invariant of a running registry; nothing is changed.

Each invariant is checked in one snapshot, or checked again if it seems violated. So concurrent
changes cause no false alarm.
"""

from collections.abc import Callable, Mapping
from functools import partial
from types import MappingProxyType

from pedigree.artifacts.objects import ObjectStore
from pedigree.failures.member_loop import MemberLoop
from pedigree.failures.outages import store_probe
from pedigree.maintenance.fsck_objects import check_objects
from pedigree.maintenance.fsck_records import Checked, Report
from pedigree.maintenance.fsck_replay import check_replay
from pedigree.maintenance.queries import SQL
from pedigree.maintenance.violations import Tally
from pedigree.postgres.database import Database
from pedigree.postgres.transaction import Transaction, stream, take_snapshot

# Invariants of one query each: it returns the violations, and count_<name> the number of checks.
_IN_SQL: Mapping[str, str] = MappingProxyType(
    {
        "versions_gapless": "the versions of a model are 1, 2, 3 … without gaps",
        "models_match_events": "every model has a creation event, and vice versa",
        "artifacts_complete": "every version that is not collected has the files of its manifest",
        "cards_complete": "the text of every card matches its digest",
        "one_holder": "an exclusive stage or an alias has only one version",
        "pointers_resolve": "a stage or an alias points to a version that is not deleted",
        "tenures_disjoint": "no tenures of an exclusive pointer or a version's stage overlap",
        "feed_contiguous": "the feed is 1, 2, 3 … without gaps; every event is in it or queued",
        "event_counts_match": "the event counts of the metrics are those of the feed",
        "leaves_match": "the bytes of an event match its leaf hash and its row",
        "tokens_match_events": "every token matches its events, and none lacks an event",
        "webhooks_match_events": "every webhook matches its newest event, and none lacks an event",
        "datasheets_match_events": "every revision of a datasheet has an event, and matches it",
        "data_verdicts_match_events": "every verdict on data matches its event",
        "quarantines_match_events": "every quarantine matches its events",
        "discarded_keys_unused": "no blob has an abandoned key",
        "search_index_matches": "the search tables match the catalog",
        "constraints_enforced": "the schema's keys, indexes and triggers are in force",
    }
)


def fsck(database: Database, store: ObjectStore, *, hashes: bool = False) -> Report:
    """Check every invariant. What cannot be checked is a violation, and stops no other check.

    Args:
        database: The registry's database.
        store: The registry's object store.
        hashes: Read every object and compare its digest, instead of only its size.

    Raises:
        StoreUnavailableError: The store does not answer.
    """
    checks = [(name, says, partial(_check_sql, database, name)) for name, says in _IN_SQL.items()]
    checks += [
        (
            "objects_intact",
            "the object of every blob exists with its size" + (" and its digest" if hashes else ""),
            partial(check_objects, database, store, hashes=hashes),
        ),
        (
            "events_replay",
            "the tables match the replay of the events",
            partial(check_replay, database),
        ),
    ]
    loop = MemberLoop(None, "fsck", is_outage=store_probe(database, store))
    return Report(checks=tuple(_check(loop, *check) for check in checks))


def _check(loop: MemberLoop, name: str, says: str, check: Callable[[], Tally]) -> Checked:
    tally = loop.attempt(name, check).value
    if tally is None:
        tally = Tally()
        tally.found(name, f"it cannot be checked: {loop.failed[-1].problem}")
    return tally.checked(name, says)


def _check_sql(database: Database, name: str) -> Tally:
    def look(transaction: Transaction) -> Tally:
        take_snapshot(transaction)
        counted = transaction.execute(SQL[f"count_{name}"]).fetchone()
        tally = Tally(looked_at=counted["count"] if counted else 0)
        for row in stream(transaction, SQL[name]):
            tally.found(row["reference"], row["problem"])
        return tally

    return database.transaction(look)
