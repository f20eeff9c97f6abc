"""Keep how stale versions were when the asset graph was last looked at."""

from collections.abc import Sequence
from datetime import timedelta
from typing import NamedTuple

from psycopg.types.json import Jsonb

from pedigree.lineage.staleness import Staleness
from pedigree.lineage.store import SQL
from pedigree.postgres.transaction import Transaction


class StaleVersion(NamedTuple):
    """A version that is behind, as it was last seen."""

    reference: str
    staleness: Staleness


def newer_code(transaction: Transaction, name_key: str, version: int) -> tuple[str, ...]:
    """Return the other code versions by which higher versions of the model were trained."""
    rows = transaction.execute(SQL["newer_code"], {"name_key": name_key, "version": version})
    return tuple(row["code_version"] for row in rows.fetchall())


def versions_to_look_at(
    transaction: Transaction, name_keys: Sequence[str], *, age: timedelta, limit: int
) -> tuple[str, ...]:
    """Return versions in use that nobody looked at for a while, those never looked at first.

    What was seen of versions that are in use no more is forgotten.
    """
    transaction.execute(SQL["forget_staleness"], {"name_keys": list(name_keys)})
    rows = transaction.execute(
        SQL["versions_to_look_at"], {"name_keys": list(name_keys), "age": age, "limit": limit}
    )
    return tuple(f"{row['name']}/{row['version']}" for row in rows.fetchall())


def keep_staleness(transaction: Transaction, name_key: str, version: int, found: Staleness) -> None:
    """Keep what was seen of a version in place of what was seen before."""
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
    """Return what was last seen of a version; None where nobody has looked."""
    row = transaction.execute(
        SQL["kept_staleness"], {"name_key": name_key, "version": version}
    ).fetchone()
    return Staleness(**row["seen"], seen_at=row["seen_at"]) if row else None


def stale_holders(
    transaction: Transaction,
    name_keys: Sequence[str],
    stage: str,
    *,
    data_behind: int,
    code_behind: int | None,
) -> tuple[StaleVersion, ...]:
    """Return the holders of a stage that are so far behind, in data or in code, as last seen."""
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
