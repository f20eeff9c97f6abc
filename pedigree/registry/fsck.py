"""The check of every invariant."""

from pedigree.access.records import Permission
from pedigree.contract.fsck import FsckContract
from pedigree.maintenance.fsck import fsck
from pedigree.maintenance.fsck_records import FsckProgress, Report
from pedigree.registry.context import ContextGroup


class FsckOperations(ContextGroup, FsckContract):
    """The check of every invariant."""

    def fsck(self, *, hashes: bool = False, progress: FsckProgress | None = None) -> Report:
        self._context.require(Permission.OPERATE)
        return fsck(self._context.database, self._context.store, hashes=hashes, progress=progress)
