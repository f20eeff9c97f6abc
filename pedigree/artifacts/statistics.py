"""The bytes that versions refer to, and the bytes that the store has for them."""

from typing import TYPE_CHECKING

from pydantic import Field

from pedigree._record import Record
from pedigree.artifacts.records import Tier
from pedigree.artifacts.store import SQL

if TYPE_CHECKING:
    from pedigree.postgres.database import Database


class RegistryStatistics(Record):
    """The contents of a registry; a file of several versions is stored once."""

    models: int
    versions: int = Field(description="Living versions")
    artifacts: int = Field(description="Different sets of files, flavor and signature")
    files: int = Field(description="Files of all artifacts")
    blobs: int = Field(description="Different files, and model cards")
    logical_bytes: int = Field(description="The sum of the files of each living version")
    stored_bytes: int = Field(description="Their size in the store, each blob once")
    saved_bytes: int = Field(
        description="Logical minus stored; negative if deleted files exceed it"
    )
    tiers: dict[Tier, int] = Field(description="Stored bytes by tier")
    uploads: int = Field(description="In progress, or left by a crash")
    orphans: int = Field(description="Keys that will be removed from the store")


def statistics(database: "Database") -> RegistryStatistics:
    """Return the counts that the database keeps with each change, exact at this moment."""
    (row,) = database.fetch_all(SQL["statistics"])
    archived = row.pop("archived_bytes")
    return RegistryStatistics(
        **row,
        saved_bytes=row["logical_bytes"] - row["stored_bytes"],
        tiers={Tier.STANDARD: row["stored_bytes"] - archived, Tier.ARCHIVE: archived},
    )
