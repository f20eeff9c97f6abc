"""How far versions are behind the data and code that they were made from."""

from pedigree.client.service import ServiceGroup
from pedigree.contract import paths
from pedigree.contract.staleness import StalenessContract
from pedigree.lineage.staleness import Staleness


class RemoteStaleness(ServiceGroup, StalenessContract):
    """How far versions are behind the data and code that they were made from."""

    def stale(self, reference: str) -> Staleness:
        return self._service.read(Staleness, self._service.version_path(paths.STALENESS, reference))
