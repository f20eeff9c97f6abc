"""Runs of asset checks of one's own, as verdicts on what they looked at."""

from pedigree.audit.records import Actor
from pedigree.lifecycle import check_runs
from pedigree.lifecycle.records import CheckRun, RecordedVerdict
from pedigree.lifecycle.stage_requests import perform_due
from pedigree.postgres.transaction import Transaction
from pedigree.registry.context import ContextGroup


class CheckRunOperations(ContextGroup):
    """Runs of asset checks of one's own, as verdicts on what they looked at."""

    def record_check_run(
        self, name: str, run: CheckRun, *, actor: Actor | None = None
    ) -> RecordedVerdict | None:
        """Record what a run of an asset check found, once, however often it is asked for.

        When it passes the last gate of what somebody asked for, the version enters that stage.

        Args:
            name: The model.
            run: The run.
            actor: Who records it; found out when None.

        Returns:
            The verdict; None where there is none to record: the run was recorded before, a later
            one is known, or it is not known which version it looked at, which is kept.

        Raises:
            ModelNotFoundError: No living model has the name.
        """
        who = actor or self._context.actor()

        def write(transaction: Transaction) -> RecordedVerdict | None:
            recorded = check_runs.record_check_run(transaction, name, run, who)
            if recorded is not None:
                perform_due(transaction, name)
            return recorded

        return self._context.database.transaction(write)
