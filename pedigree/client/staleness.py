"""Staleness of versions: how far they are behind their data and code."""

from pedigree.client.service import ServiceGroup
from pedigree.contract import paths
from pedigree.contract.staleness import StalenessContract
from pedigree.lineage.staleness import Staleness


class RemoteStaleness(ServiceGroup, StalenessContract):
    """Staleness of versions: how far they are behind their data and code."""

    def stale(self, reference: str) -> Staleness:
        return self._service.read(Staleness, self._service.version_path(paths.STALENESS, reference))
