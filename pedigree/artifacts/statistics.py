"""The bytes that versions refer to, and the bytes that the store has for them."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from pydantic import Field

from pedigree._record import Record
from pedigree.artifacts.records import Tier
from pedigree.artifacts.store import SQL

if TYPE_CHECKING:
    from pedigree.postgres.database import Database


class RegistryStatistics(Record):
    """The contents of a registry; a file of several versions is stored once.

    For a caller that may read only some models, it counts those. What belongs to no model is then
    None.
    """

    models: int
    versions: int = Field(description="Living versions")
    artifacts: int = Field(description="Different sets of files, flavor and signature")
    files: int = Field(description="Files of all artifacts")
    blobs: int = Field(
        description="Different files, and model cards; without cards for some models"
    )
    logical_bytes: int = Field(description="The sum of the files of each living version")
    stored_bytes: int = Field(description="Their size in the store, each blob once")
    saved_bytes: int = Field(
        description="Logical minus stored; negative if deleted files exceed it"
    )
    tiers: dict[Tier, int] = Field(description="Stored bytes by tier")
    uploads: int | None = Field(description="In progress, or left by a crash; null for some models")
    orphans: int | None = Field(
        description="Keys that will be removed from the store; null for some models"
    )


def statistics(database: "Database", visible: Sequence[str] | None = None) -> RegistryStatistics:
    """Return the counts of a registry, exact at this moment.

    Those of all models are kept with each change. Those of some models are counted, in one
    statement that reads the row of each of their versions.

    Args:
        database: The database.
        visible: Only models of these names; all models when None.
    """
    if visible is None:
        (row,) = database.fetch_all(SQL["statistics"])
    else:
        (row,) = database.fetch_all(SQL["statistics_of_models"], {"visible": visible})
        row = {**row, "uploads": None, "orphans": None}
    archived = row.pop("archived_bytes")
    return RegistryStatistics(
        **row,
        saved_bytes=row["logical_bytes"] - row["stored_bytes"],
        tiers={Tier.STANDARD: row["stored_bytes"] - archived, Tier.ARCHIVE: archived},
    )
