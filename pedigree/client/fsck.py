"""The check of every invariant."""

from pedigree.client.service import Service
from pedigree.contract import paths
from pedigree.contract.fsck import FsckContract
from pedigree.maintenance.fsck_records import Report


class RemoteFsck(FsckContract):
    """The check of every invariant."""

    def __init__(self, service: Service) -> None:
        self._service = service

    def fsck(self, *, hashes: bool = False) -> Report:
        return self._service.work(Report, paths.FSCK, hashes=hashes)
