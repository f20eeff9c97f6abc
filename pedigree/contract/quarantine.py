"""Quarantine of data and versions."""

from datetime import datetime
from typing import Protocol

from pedigree._record import PAGE
from pedigree._values import Key
from pedigree.catalog.quarantine_records import Quarantine, Quarantined
from pedigree.catalog.records import ModelVersion


class QuarantineContract(Protocol):
    """Quarantine of data and versions."""

    def quarantine(
        self,
        asset: Key,
        partition: Key | None = None,
        *,
        reason: str,
        since: datetime | None = None,
        only_certain: bool = False,
    ) -> Quarantined:
        """Quarantine data: no version that depends on it enters a stage until its release.

        It covers data recorded until now; newer data of the same partition is not covered.
        Versions that are registered later on the old data are marked, too. Versions whose
        dependency is unknown are not marked; the result names them.

        Args:
            asset: The asset's key, parts joined by ``/``.
            partition: One of its partitions; all partitions when None.
            reason: What is wrong with it.
            since: Only data recorded from this time on; with a time zone.
            only_certain: Exclude versions that only possibly depend on it, now and later.

        Raises:
            InvalidInputError: The reason is missing, or the time has no time zone.
        """

    def release(
        self,
        asset: Key,
        partition: Key | None = None,
        *,
        whole_asset: bool = False,
        reason: str | None = None,
    ) -> tuple[Quarantine, ...]:
        """End the quarantines of one partition, or of a whole asset, and return them.

        Versions that no other quarantine covers may enter stages again.

        Args:
            asset: The asset's key, parts joined by ``/``.
            partition: The partition whose quarantines end.
            whole_asset: End those of the whole asset; quarantines of single partitions stay.
            reason: The reason, for the audit log.

        Raises:
            InvalidInputError: Neither a partition nor the whole asset is given, or both are.
            QuarantineNotFoundError: The data is not in quarantine.
        """

    def quarantine_version(self, reference: str, *, reason: str) -> ModelVersion:
        """Quarantine one version, independently of its data.

        Raises:
            InvalidInputError: The reason is missing.
        """

    def release_version(self, reference: str, *, reason: str | None = None) -> ModelVersion:
        """Release one version from every quarantine; the quarantines of its data continue.

        A version without a quarantine stays unchanged.
        """

    def quarantines(
        self, *, limit: int = PAGE, before: int | None = None
    ) -> tuple[Quarantine, ...]:
        """Return a page of the open quarantines, the newest first.

        Args:
            limit: How many at most.
            before: The last ``quarantine_id`` of the previous page.
        """
