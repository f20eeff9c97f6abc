"""The check of the roles, grants, policies, triggers and functions of the database."""

from pedigree.maintenance.fsck_parts import PartsDone
from pedigree.maintenance.violations import Tally
from pedigree.postgres.database import Database
from pedigree.postgres.fence import differences


def check_fence(database: Database, _: PartsDone) -> Tally:
    """Compare them with those that Pedigree makes; without roles there is nothing to compare."""
    found = differences(database)
    tally = Tally(looked_at=found.known)
    for fact in found.missing:
        tally.found(_subject(fact), f"missing: {fact}")
    for fact in found.added:
        tally.found(_subject(fact), f"not expected: {fact}")
    return tally


def _subject(fact: str) -> str:
    return fact.split(" ", maxsplit=1)[0]
