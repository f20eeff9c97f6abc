"""Counts over the whole registry."""

from pedigree.artifacts.statistics import RegistryStatistics
from pedigree.client.service import ServiceGroup
from pedigree.contract import paths
from pedigree.contract.statistics import StatisticsContract


class RemoteStatistics(ServiceGroup, StatisticsContract):
    """Counts over the whole registry."""

    def stats(self) -> RegistryStatistics:
        return self._service.read(RegistryStatistics, paths.STATISTICS)
