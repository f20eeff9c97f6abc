"""The check of every invariant."""

from pedigree.access.records import Permission
from pedigree.contract.fsck import FsckContract
from pedigree.maintenance.fsck import fsck
from pedigree.maintenance.fsck_records import FsckProgress, Report
from pedigree.postgres.asked import in_role
from pedigree.postgres.asker import DatabaseRole
from pedigree.registry.context import ContextGroup


class FsckOperations(ContextGroup, FsckContract):
    """The check of every invariant."""

    def fsck(self, *, hashes: bool = False, progress: FsckProgress | None = None) -> Report:
        self._context.require(Permission.OPERATE)
        database = in_role(self._context.database, DatabaseRole.WORKER)
        return fsck(database, self._context.store, hashes=hashes, progress=progress)
