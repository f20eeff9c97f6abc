"""Counts over the whole registry."""

from typing import Protocol

from pedigree.artifacts.statistics import RegistryStatistics


class StatisticsContract(Protocol):
    """Counts over the whole registry."""

    def stats(self) -> RegistryStatistics:
        """Count models, versions, files, and the referenced and stored bytes.

        A caller that may read only some models gets the counts of those.
        """
