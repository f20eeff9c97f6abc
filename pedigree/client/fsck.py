"""The check of every invariant."""

from pedigree.client.service import ServiceGroup
from pedigree.contract import paths
from pedigree.contract.fsck import FsckContract
from pedigree.maintenance.fsck_records import FsckProgress, Report


class RemoteFsck(ServiceGroup, FsckContract):
    """The check of every invariant."""

    def fsck(self, *, hashes: bool = False, progress: FsckProgress | None = None) -> Report:
        if progress:
            progress("all invariants, in the service", 0, None)
        return self._service.work(Report, paths.FSCK, hashes=hashes)
