"""Check every invariant of a running registry; nothing is changed.

Each part of an invariant is checked in one snapshot, or checked again if it seems violated. So
concurrent changes cause no false alarm. Two parts run at once, the longest invariants first.
"""

from collections.abc import Mapping
from functools import partial
from types import MappingProxyType

from pedigree.artifacts.objects import ObjectStore
from pedigree.failures.outages import store_probe
from pedigree.maintenance.fsck_fence import check_fence
from pedigree.maintenance.fsck_log import check_log
from pedigree.maintenance.fsck_objects import check_objects
from pedigree.maintenance.fsck_parts import sql_parts
from pedigree.maintenance.fsck_people import check_principals
from pedigree.maintenance.fsck_records import FsckProgress, Report
from pedigree.maintenance.fsck_replay import ReplayCheck
from pedigree.maintenance.fsck_schedule import Invariant, Schedule
from pedigree.postgres.database import Database

# Invariants in SQL: a query returns the violations, and count_<name> the number of checks. The
# longest first.
_IN_SQL: Mapping[str, str] = MappingProxyType(
    {
        "search_index_matches": "the search tables match the catalog",
        "leaves_match": "the bytes of an event match its leaf hash and its row",
        "event_counts_match": "the event counts of the metrics are those of the feed",
        "artifacts_complete": "every version that is not collected has the files of its manifest",
        "garbage_known": "a garbage collection knows all bytes that nothing refers to",
        "statistics_match": "the kept counts of the registry are those of its tables",
        "versions_gapless": "the versions of a model are 1, 2, 3 … without gaps",
        "models_match_events": "every model has a creation event, and vice versa",
        "names_match_events": "no number under a name belongs to two models, by the events",
        "cards_complete": "the text of every card matches its digest",
        "one_holder": "an exclusive stage or an alias has only one version",
        "pointers_resolve": "a stage or an alias points to a version that is not deleted",
        "aliases_guarded": "an alias that a policy guards names a holder of its stage",
        "tenures_disjoint": "no tenures of an exclusive pointer or a version's stage overlap",
        "feed_contiguous": "the feed is 1, 2, 3 … without gaps; every event is in it or queued",
        "tokens_match_events": "every token matches its events, and none lacks an event",
        "access_matches_events": "roles, groups and grants are those of their events",
        "identities_match_events": "every identity matches its events, and none lacks an event",
        "provisioning_matches_events": "users and groups of SCIM are those of their events",
        "log_keys_match_events": "every key of the audit log matches its events",
        "webhooks_match_events": "every webhook matches its newest event, and none lacks an event",
        "datasheets_match_events": "every revision of a datasheet has an event, and matches it",
        "policy_defaults_match_events": "every policy of new models is that of its newest event",
        "data_verdicts_match_events": "every verdict on data matches its event",
        "quarantines_match_events": "every quarantine matches its events",
        "discarded_keys_unused": "no blob has an abandoned key",
        "constraints_enforced": "the schema's keys, indexes and triggers are in force",
    }
)


def fsck(
    database: Database,
    store: ObjectStore,
    *,
    hashes: bool = False,
    progress: FsckProgress | None = None,
) -> Report:
    """Check every invariant. What cannot be checked is a violation, and stops no other check.

    Args:
        database: The registry's database.
        store: The registry's object store.
        hashes: Read every object and compare its digest, instead of only its size.
        progress: Called at the beginning of each invariant and during long ones.

    Raises:
        StoreUnavailableError: The store does not answer.
    """
    found = invariants(database, store, hashes=hashes)
    schedule = Schedule(found, store_probe(database, store), progress or _tell_nobody)
    return Report(checks=schedule.run())


def invariants(database: Database, store: ObjectStore, *, hashes: bool) -> tuple[Invariant, ...]:
    """Return all invariants, the longest first.

    Args:
        database: The registry's database.
        store: The registry's object store.
        hashes: Read every object and compare its digest, instead of only its size.
    """
    replay = ReplayCheck(database)
    intact = "the object of every blob exists with its size" + (" and its digest" if hashes else "")
    objects = partial(check_objects, database, store, hashes=hashes)
    return (
        Invariant(
            "events_replay",
            "the tables match the replay of the events",
            replay.parts,
            replay.finish,
        ),
        Invariant("objects_intact", intact, (objects,)),
        Invariant(
            "log_verifies",
            "the audit log's tree, checkpoints, keys and anchors are those of the events",
            (partial(check_log, database, store),),
        ),
        Invariant(
            "fence_stands",
            "the roles of the database, if it has them, may do exactly what they should",
            (partial(check_fence, database),),
        ),
        Invariant(
            "principals_match_events",
            "every principal and its person match their events",
            (partial(check_principals, database),),
        ),
        *(Invariant(name, says, sql_parts(database, name)) for name, says in _IN_SQL.items()),
    )


def _tell_nobody(name: str, done: int, of: int | None) -> None:
    """Nobody waits for the progress."""
