"""Check every invariant of a registry, while it is at work; nothing is changed.

Each invariant is looked at in one snapshot, or looked at again where it seemed violated. So what
others do meanwhile makes no false alarm.
"""

from collections.abc import Callable, Mapping
from functools import partial
from types import MappingProxyType

from pedigree.artifacts.objects import ObjectStore
from pedigree.maintenance.fsck_objects import check_objects
from pedigree.maintenance.fsck_records import Checked, Report
from pedigree.maintenance.fsck_replay import check_replay
from pedigree.maintenance.queries import SQL
from pedigree.maintenance.violations import Tally
from pedigree.postgres.database import Database
from pedigree.postgres.transaction import Transaction, stream, take_snapshot

# What is one query each: it gives the violations, and count_<name> how many were looked at.
_IN_SQL: Mapping[str, str] = MappingProxyType(
    {
        "versions_gapless": "the versions of a model are 1, 2, 3 … without gap",
        "models_told": "every model has the event of its creation, and every such event its model",
        "artifacts_whole": "every version that can be read or restored has its manifest's files",
        "cards_whole": "every card's text has its digest",
        "one_holder": "an exclusive stage, and an alias, has one holder",
        "pointers_resolve": "what holds a stage or an alias is a living version",
        "tenures_apart": "no two tenures of an exclusive pointer or of one version's stage overlap",
        "feed_contiguous": "the feed counts 1, 2, 3 …, and every event is in it or waits for it",
        "events_counted": "the counts of events that metrics tell are those of the feed",
        "leaves_match": "an event's bytes have its leaf hash and say what its row says",
        "tokens_told": "every token is what its events say, and none was slipped in",
        "webhooks_told": "every webhook is what its newest event says, and none was slipped in",
        "datasheets_told": "the events tell of every revision of a datasheet, and say what it says",
        "data_verdicts_told": "the events tell of every verdict on data, and say what it says",
        "quarantines_told": "the events tell of every quarantine, what it is of and how it ended",
        "keys_dead": "a key that was given up is no blob's key",
        "search_follows": "what search looks at is what the catalog says",
        "guards_in_place": "the schema's foreign keys, unique indexes and triggers are in force",
    }
)


def fsck(database: Database, store: ObjectStore, *, hashes: bool = False) -> Report:
    """Check every invariant.

    Args:
        database: The registry's.
        store: Where its bytes are.
        hashes: Read every object and compare its digest, instead of its size alone.

    Raises:
        StoreUnavailableError: The store does not answer.
    """
    checks = [_check_sql(database, name, says) for name, says in _IN_SQL.items()]
    others: tuple[tuple[str, str, Callable[[], Tally]], ...] = (
        (
            "objects_whole",
            "every blob's object is there with its size" + (" and its digest" if hashes else ""),
            partial(check_objects, database, store, hashes=hashes),
        ),
        (
            "events_replay",
            "the events, replayed, give what the tables say",
            partial(check_replay, database),
        ),
    )
    checks += [look().checked(name, says) for name, says, look in others]
    return Report(checks=tuple(checks))


def _check_sql(database: Database, name: str, says: str) -> Checked:
    def look(transaction: Transaction) -> Tally:
        take_snapshot(transaction)
        counted = transaction.execute(SQL[f"count_{name}"]).fetchone()
        tally = Tally(looked_at=counted["count"] if counted else 0)
        for row in stream(transaction, SQL[name]):
            tally.found(row["reference"], row["problem"])
        return tally

    return database.transaction(look).checked(name, says)
