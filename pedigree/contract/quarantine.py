"""Data and versions that are kept out of stages."""

from datetime import datetime
from typing import Protocol

from pedigree._record import PAGE
from pedigree.catalog.quarantine_records import Quarantine, Quarantined
from pedigree.catalog.records import ModelVersion


class QuarantineContract(Protocol):
    """Data and versions that are kept out of stages."""

    def quarantine(
        self,
        asset: str,
        partition: str | None = None,
        *,
        reason: str,
        since: datetime | None = None,
        only_certain: bool = False,
    ) -> Quarantined:
        """Put data in quarantine: no version that depends on it enters a stage until its release.

        It is about what was recorded until now; newer data of the same partition is other data.
        Versions that are registered later on the old data are marked, too. Versions of which it is
        not known whether they depend on it are not marked; the answer names them.

        Args:
            asset: The asset's key, parts joined by ``/``.
            partition: One of its partitions; all of them when None.
            reason: What is wrong with it.
            since: Only data that was recorded from then on; with its time zone.
            only_certain: Spare versions that only possibly depend on it, now and later.

        Raises:
            InvalidInputError: No reason is given, or the moment has no time zone.
        """

    def release(
        self, asset: str, partition: str | None = None, *, reason: str | None = None
    ) -> tuple[Quarantine, ...]:
        """End the quarantines of an asset or of one of its partitions, and return them.

        The versions that they alone held may enter stages again.

        Raises:
            QuarantineNotFoundError: It is in none.
        """

    def quarantine_version(self, reference: str, *, reason: str) -> ModelVersion:
        """Put one version in quarantine, whatever it depends on.

        Raises:
            InvalidInputError: No reason is given.
        """

    def release_version(self, reference: str, *, reason: str | None = None) -> ModelVersion:
        """Take one version out of every quarantine; the data that it depends on stays in its own.

        A version that is in none is left as it is.
        """

    def quarantines(
        self, *, limit: int = PAGE, before: int | None = None
    ) -> tuple[Quarantine, ...]:
        """Return a page of what is in quarantine, the newest first.

        Args:
            limit: How many at most.
            before: The ``quarantine_id`` that the page before ended with.
        """
