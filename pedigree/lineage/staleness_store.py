"""Storage of the staleness of versions, as of the last read of the asset graph."""

from collections.abc import Sequence
from datetime import timedelta
from typing import NamedTuple

from psycopg.types.json import Jsonb

from pedigree.lineage.staleness import Staleness
from pedigree.lineage.store import SQL
from pedigree.postgres.together import Question
from pedigree.postgres.transaction import Transaction


class StaleVersion(NamedTuple):
    """A stale version, with its last stored staleness."""

    reference: str
    staleness: Staleness


def newer_code(transaction: Transaction, name_key: str, version: int) -> tuple[str, ...]:
    """Return the other code versions with which higher versions of the model were trained."""
    rows = transaction.execute(SQL["newer_code"], {"name_key": name_key, "version": version})
    return tuple(row["code_version"] for row in rows.fetchall())


def versions_to_look_at(
    transaction: Transaction, name_keys: Sequence[str], *, age: timedelta, limit: int
) -> tuple[str, ...]:
    """Return versions in use whose staleness is due for a check, never checked ones first.

    The staleness of versions that are no longer in use is deleted.
    """
    transaction.execute(SQL["forget_staleness"], {"name_keys": list(name_keys)})
    rows = transaction.execute(
        SQL["versions_to_look_at"], {"name_keys": list(name_keys), "age": age, "limit": limit}
    )
    return tuple(f"{row['name']}/{row['version']}" for row in rows.fetchall())


def keep_staleness(transaction: Transaction, name_key: str, version: int, found: Staleness) -> None:
    """Store the staleness of a version, and replace the previous one."""
    transaction.execute(
        SQL["keep_staleness"],
        {
            "name_key": name_key,
            "version": version,
            "stale": found.stale,
            "data_behind": found.data_behind,
            "code_behind": found.code_behind,
            "seen": Jsonb(found.model_dump(mode="json", exclude={"seen_at"})),
        },
    )


def kept_staleness(transaction: Transaction, name_key: str, version: int) -> Staleness | None:
    """Return the last stored staleness of a version; None if it was never checked."""
    asked = kept_staleness_question(name_key, version)
    row = transaction.execute(asked.query, asked.params).fetchone()
    return Staleness(**row["seen"], seen_at=row["seen_at"]) if row else None


def kept_staleness_question(name_key: str, version: int) -> Question:
    """Return what :func:`kept_staleness` asks."""
    return Question(SQL["kept_staleness"], {"name_key": name_key, "version": version})


def stale_holders(
    transaction: Transaction,
    name_keys: Sequence[str],
    stage: str,
    *,
    data_behind: int,
    code_behind: int | None,
) -> tuple[StaleVersion, ...]:
    """Return the holders of a stage whose stored staleness reaches one of the limits."""
    rows = transaction.execute(
        SQL["stale_holders"],
        {
            "name_keys": list(name_keys),
            "stage": stage,
            "data_behind": data_behind,
            "code_behind": code_behind,
        },
    )
    return tuple(
        StaleVersion(
            f"{row['name']}/{row['version']}", Staleness(**row["seen"], seen_at=row["seen_at"])
        )
        for row in rows.fetchall()
    )
