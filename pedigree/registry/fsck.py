"""The check of every invariant."""

import logging

import psycopg

from pedigree.access.named_records import with_names
from pedigree.access.records import Permission
from pedigree.audit.records import Actor
from pedigree.contract.fsck import FsckContract
from pedigree.errors import PedigreeError
from pedigree.maintenance.fsck import fsck
from pedigree.maintenance.fsck_records import FsckProgress, Report
from pedigree.maintenance.fsck_runs import FsckRun, newest_run, note_run
from pedigree.postgres.asked import in_role
from pedigree.postgres.asker import DatabaseRole
from pedigree.registry.context import ContextGroup

_LOG = logging.getLogger(__name__)


class FsckOperations(ContextGroup, FsckContract):
    """The check of every invariant."""

    def fsck(self, *, hashes: bool = False, progress: FsckProgress | None = None) -> Report:
        self._context.require(Permission.OPERATE)
        database = in_role(self._context.database, DatabaseRole.WORKER)
        actor = self._context.actor()
        report = fsck(database, self._context.store, hashes=hashes, progress=progress)
        self._note(report, hashes, actor)
        return report

    def newest_run(self) -> FsckRun | None:
        """Return the newest run that ended, and what it found; None if no event says so.

        Raises:
            NotPermittedError: The principal may not audit the registry.
        """
        self._context.require(Permission.AUDIT)
        return with_names(self._context.database.read(newest_run), self._context.names)

    def _note(self, report: Report, hashes: bool, actor: Actor) -> None:
        """Write the event of a run; what was found is returned in any case."""
        try:
            self._context.database.transaction(
                lambda transaction: note_run(transaction, report, hashes=hashes, actor=actor)
            )
        except (PedigreeError, psycopg.Error) as error:
            # Such as a table of events that somebody replaced, which is what was found.
            _LOG.warning(
                "the run is not in the audit log: %s",
                error,
                extra={"action": "fsck.unrecorded", "error": type(error).__name__},
            )
