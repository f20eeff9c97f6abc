"""Runs of the user's own asset checks, recorded as verdicts on versions."""

from pedigree._values import require_values
from pedigree.audit.records import Actor
from pedigree.lifecycle import check_runs
from pedigree.lifecycle.check_run_records import CheckRun
from pedigree.lifecycle.records import RecordedVerdict
from pedigree.lifecycle.stage_requests import perform_due
from pedigree.postgres.transaction import Transaction
from pedigree.registry.context import ContextGroup


class CheckRunOperations(ContextGroup):
    """Runs of the user's own asset checks, recorded as verdicts on versions."""

    def record_check_run(
        self, name: str, run: CheckRun, *, actor: Actor | None = None
    ) -> RecordedVerdict | None:
        """Record the result of an asset check's run; repeated calls record it only once.

        When it passes the last gate of an open request, the version enters that stage.

        Args:
            name: The model.
            run: The run.
            actor: Who records it; this process's actor when None.

        Returns:
            The verdict; None if nothing is recorded: the run or a later one is already recorded, or
            its version is unknown, which is recorded as an event.

        Raises:
            InvalidInputError: A value of the run is beyond its bound.
            ModelNotFoundError: There is no such model, or it was deleted.
        """
        require_values(run)
        who = self._context.actor(actor)

        def write(transaction: Transaction) -> RecordedVerdict | None:
            recorded = check_runs.record_check_run(transaction, name, run, who)
            if recorded is not None:
                perform_due(transaction, name)
            return recorded

        return self._context.database.transaction(write)
