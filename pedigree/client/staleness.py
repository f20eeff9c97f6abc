"""How far versions are behind the data and code that they were made from."""

from pedigree.client.service import Service
from pedigree.contract import paths
from pedigree.contract.staleness import StalenessContract
from pedigree.lineage.staleness import Staleness


class RemoteStaleness(StalenessContract):
    """How far versions are behind the data and code that they were made from."""

    def __init__(self, service: Service) -> None:
        self._service = service

    def stale(self, reference: str) -> Staleness:
        return self._service.read(Staleness, self._service.version_path(paths.STALENESS, reference))
