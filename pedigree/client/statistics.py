"""Counts over the whole registry."""

from pedigree.artifacts.statistics import RegistryStatistics
from pedigree.client.service import Service
from pedigree.contract import paths
from pedigree.contract.statistics import StatisticsContract


class RemoteStatistics(StatisticsContract):
    """Counts over the whole registry."""

    def __init__(self, service: Service) -> None:
        self._service = service

    def stats(self) -> RegistryStatistics:
        return self._service.read(RegistryStatistics, paths.STATISTICS)
