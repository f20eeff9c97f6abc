"""Quarantines of data and of versions."""

from datetime import datetime

from pydantic import Field

from pedigree._record import Record
from pedigree.lineage.records import Certainty

MOST_MARKED = 10_000
"""How many versions of a quarantine a list names."""


class Quarantine(Record):
    """Data, or one version, in quarantine; and the versions that it marks."""

    quarantine_id: int
    asset: str | None = Field(description="None for a quarantine of a single version")
    partition: str | None = Field(description="None: all partitions, or an unpartitioned asset")
    since: datetime | None = Field(description="Only data recorded since then")
    reason: str
    at: datetime
    quarantined_by: str
    only_certain: bool = Field(
        description="It marks only versions that certainly depend on the data, also versions that "
        "are registered later"
    )
    versions: tuple[str, ...] = Field(description="References of the versions that it marks")
    possible: tuple[str, ...] = Field(
        description="The marked versions that only possibly depend on the data"
    )
    more: int = Field(
        default=0,
        description=f"How many further versions it marks; a list names the first {MOST_MARKED:,}",
    )

    def marks(self, certainty: Certainty) -> bool:
        """Return whether it marks versions that depend on the data with this certainty."""
        return certainty.certain or (certainty is Certainty.POSSIBLE and not self.only_certain)


class DataQuarantine(Record):
    """An open quarantine of an asset or of one of its partitions, without the versions it marks."""

    quarantine_id: int
    partition: str | None = Field(description="None: all partitions, or an unpartitioned asset")
    since: datetime | None = Field(description="Only data recorded since then")
    reason: str
    only_certain: bool = Field(description="It marks only versions that certainly depend on it")
    at: datetime
    quarantined_by: str


class Quarantined(Quarantine):
    """A new quarantine of data, and the versions that it does not mark."""

    spared: tuple[str, ...] = Field(
        description="Versions that possibly depend on the data, excluded by only_certain"
    )
    unknown: tuple[str, ...] = Field(
        description="Versions for which it is not known whether they depend on the data"
    )
    without_lineage: int = Field(
        description="How many further versions have a training without recorded lineage, so that "
        "nothing is known about them"
    )
