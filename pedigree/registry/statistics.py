"""Counts over the whole registry."""

from pedigree.artifacts.statistics import RegistryStatistics, statistics
from pedigree.contract.statistics import StatisticsContract
from pedigree.registry.context import Context


class StatisticsOperations(StatisticsContract):
    """Counts over the whole registry."""

    def __init__(self, context: Context) -> None:
        self._context = context

    def stats(self) -> RegistryStatistics:
        return statistics(self._context.database)
