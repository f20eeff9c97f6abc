"""How many bytes versions refer to, and how many the store holds for them."""

from typing import TYPE_CHECKING

from pydantic import Field

from pedigree._record import Record
from pedigree.artifacts.records import Tier
from pedigree.artifacts.store import SQL

if TYPE_CHECKING:
    from pedigree.postgres.database import Database


class RegistryStatistics(Record):
    """What a registry holds; a file that several versions have is stored once."""

    models: int
    versions: int = Field(description="That live")
    artifacts: int = Field(description="Different sets of files, flavor and signature")
    files: int = Field(description="Of all artifacts")
    blobs: int = Field(description="Different files, and model cards")
    logical_bytes: int = Field(description="The sum of the files of each living version")
    stored_bytes: int = Field(description="What the store holds of them, once each")
    saved_bytes: int = Field(description="Logical less stored; below 0 where more was deleted")
    tiers: dict[Tier, int] = Field(description="Stored bytes by tier")
    uploads: int = Field(description="Under way, or left by a crash")
    orphans: int = Field(description="Keys that are to be removed from the store")


def statistics(database: "Database") -> RegistryStatistics:
    """Count a registry's contents, in one statement that reads each version's row."""
    (row,) = database.fetch_all(SQL["statistics"])
    archived = row.pop("archived_bytes")
    return RegistryStatistics(
        **row,
        saved_bytes=row["logical_bytes"] - row["stored_bytes"],
        tiers={Tier.STANDARD: row["stored_bytes"] - archived, Tier.ARCHIVE: archived},
    )
