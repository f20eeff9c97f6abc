"""Compare the tables with the replay of the events.

Queries compare the tables of all models with what the events say, and return the models that may
differ: also those with kinds of events that only Python replays. Only the events of these are
replayed in Python, which decides and explains. So the queries may name too many models, never too
few: what they do not compare, or cannot read, makes a model one of those.
"""

from collections.abc import Iterator
from functools import partial

from pedigree.failures.member_loop import MemberLoop
from pedigree.maintenance.fsck_fold import differences, has_own_key
from pedigree.maintenance.fsck_parts import Part, PartsDone, rows_of, unreported
from pedigree.maintenance.queries import SQL
from pedigree.maintenance.violations import Tally
from pedigree.postgres.database import Database
from pedigree.postgres.transaction import Row

# The longest first.
_COMPARISONS = (
    "replay_verdicts",
    "replay_versions",
    "replay_tenures",
    "replay_order",
    "replay_kinds",
    "replay_models",
    "replay_updates",
)
_KEYS = "keys of names"


class ReplayCheck:
    """One comparison of all models with their events.

    Before all its parts are done, no model is known to match, so all are replayed.
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        self._undone = {*_COMPARISONS, _KEYS}
        self._doubtful: set[int] = set()

    @property
    def parts(self) -> tuple[Part, ...]:
        """The comparisons in the database, which may run at once."""
        return (*(partial(self._compare, query) for query in _COMPARISONS), self._compare_keys)

    @property
    def doubtful(self) -> frozenset[int] | None:
        """The keys of the models that may differ; None if that is not known."""
        return None if self._undone else frozenset(self._doubtful)

    def finish(self, report: PartsDone) -> Tally:
        """Replay the events of the models that may differ, one model in memory at a time.

        Args:
            report: Called after each model with the number of replayed models and of all such.
        """
        doubtful, loop = self.doubtful, MemberLoop(None, "replay")
        tally = Tally(looked_at=self._database.call(SQL["count_models_match_events"])["count"])
        expected, done = tally.looked_at if doubtful is None else len(doubtful), 0
        for row in self._models():
            if doubtful is None or row["model_id"] in doubtful:
                compare = partial(self._database.transaction, partial(differences, row["model_id"]))
                for reference, problem in loop.attempt(row["name"], compare).value or ():
                    tally.found(reference, problem)
                done += 1
                report(done, expected)
        for failed in loop.failed:
            tally.found(failed.member, f"it cannot be compared with its events: {failed.problem}")
        return tally

    def _compare(self, query: str, _: PartsDone) -> Tally:
        # Bytes that are not JSON fail the whole query. Then nothing is known about any model.
        compared = MemberLoop(None, "replay").attempt(query, partial(self._models_of, query))
        if compared.value is not None:
            self._doubtful |= compared.value
            self._undone.remove(query)
        return Tally()

    def _models_of(self, query: str) -> set[int]:
        return self._database.transaction(
            lambda transaction: {row["model_id"] for row in rows_of(transaction, SQL[query])}
        )

    def _compare_keys(self, _: PartsDone) -> Tally:
        for row in self._models():
            if not has_own_key(row):
                self._doubtful.add(row["model_id"])
        self._undone.remove(_KEYS)
        return Tally()

    def _models(self) -> Iterator[Row]:
        after = 0
        while page := self._database.fetch_all(SQL["page_of_models"], {"after": after}):
            yield from page
            after = page[-1]["model_id"]


def check_replay(database: Database, report: PartsDone = unreported) -> Tally:
    """Compare all models with their events.

    Args:
        database: The registry's database.
        report: Called after each model whose events are replayed in Python.
    """
    check = ReplayCheck(database)
    for part in check.parts:
        part(unreported)
    return check.finish(report)
