"""Counts over the whole registry."""

from pedigree.access.records import Permission
from pedigree.artifacts.statistics import RegistryStatistics, statistics
from pedigree.contract.statistics import StatisticsContract
from pedigree.registry.context import ContextGroup


class StatisticsOperations(ContextGroup, StatisticsContract):
    """Counts over the whole registry."""

    def stats(self) -> RegistryStatistics:
        self._context.require_some(Permission.READ)
        database = self._context.database
        return statistics(database, database.read(self._context.visible_models))
