"""How the roles of a database differ from those that roles.sql makes.

``fence.txt`` has each fact of them: what is granted to whom, the policies, the triggers, the
functions of the owner. A test writes it, as it writes ``schema.sql``.
"""

from functools import cache
from importlib.resources import files
from typing import NamedTuple

from pedigree.postgres.database import Database
from pedigree.postgres.queries import load_queries
from pedigree.postgres.roles import applied_checksum
from pedigree.postgres.transaction import Transaction

_QUERIES = load_queries(__package__)


class Differences(NamedTuple):
    """How the facts of a database differ from those that should be.

    Attributes:
        known: The number of facts that should be; 0 if the roles were never applied.
        missing: Facts that should be, and are not.
        added: Facts that should not be.
    """

    known: int
    missing: tuple[str, ...]
    added: tuple[str, ...]


def differences(database: Database) -> Differences:
    """Compare the facts of a database with those that should be.

    Raises:
        DatabaseUnavailableError: The server does not answer.
    """
    found = database.transaction(_facts)
    if found is None:
        return Differences(0, (), ())
    wanted = expected_facts()
    missing, added = wanted - found, found - wanted
    return Differences(len(wanted), tuple(sorted(missing)), tuple(sorted(added)))


@cache
def expected_facts() -> frozenset[str]:
    """Return the facts that should be."""
    text = files(__package__).joinpath("fence.txt").read_text(encoding="utf-8")
    return frozenset(text.splitlines())


def facts(transaction: Transaction) -> list[str]:
    """Return the facts of a database, in order."""
    transaction.execute(_QUERIES["show_names_in_full"])
    return [row["fact"] for row in transaction.execute(_QUERIES["fence_facts"]).fetchall()]


def _facts(transaction: Transaction) -> frozenset[str] | None:
    return None if applied_checksum(transaction) is None else frozenset(facts(transaction))
