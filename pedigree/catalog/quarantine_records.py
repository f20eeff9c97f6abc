"""Quarantines of data and of versions."""

from datetime import datetime

from pydantic import Field

from pedigree._record import Record
from pedigree.lineage.records import Certainty


class Quarantine(Record):
    """Data, or one version, in quarantine; and the versions that are marked for it."""

    quarantine_id: int
    asset: str | None = Field(description="None where a single version is meant")
    partition: str | None = Field(description="None: all partitions, or an asset without any")
    since: datetime | None = Field(description="Only data recorded from then on")
    reason: str
    at: datetime
    quarantined_by: str
    only_certain: bool = Field(
        description="It marks only versions that certainly depend on the data, not those that "
        "possibly do; also of those that are registered later"
    )
    versions: tuple[str, ...] = Field(description="References of the versions that it marks")
    possible: tuple[str, ...] = Field(
        description="Those of them that only possibly depend on the data"
    )

    def marks(self, certainty: Certainty) -> bool:
        """Say whether it marks versions that depend on the data so certainly."""
        return certainty.certain or (certainty is Certainty.POSSIBLE and not self.only_certain)


class Quarantined(Quarantine):
    """Data that was just put in quarantine, and the versions that are not marked for it."""

    spared: tuple[str, ...] = Field(
        description="Versions that possibly depend on the data, spared by only_certain"
    )
    unknown: tuple[str, ...] = Field(
        description="Versions of which it is not known whether they depend on the data"
    )
    without_lineage: int = Field(
        description="How many further versions have a training without recorded lineage, so that "
        "nothing is known about them"
    )
