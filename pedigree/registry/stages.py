"""Stages: move versions into them, and read which version held them when."""

from datetime import datetime

from pedigree._record import PAGE
from pedigree.access.records import Permission
from pedigree.audit.records import Actor
from pedigree.catalog import lookups
from pedigree.catalog.records import ModelVersion
from pedigree.catalog.references import parse_reference
from pedigree.catalog.rows import version_from_search_row
from pedigree.contract.stages import StageContract
from pedigree.lifecycle import promotion_queue, tenures
from pedigree.lifecycle.gate_inputs import look_at_model
from pedigree.lifecycle.records import CHAMPION_STAGE, Move, Tenure
from pedigree.lifecycle.requester import SENSOR, Requester
from pedigree.lifecycle.stage_transitions import StageTransition
from pedigree.lifecycle.store import ExpectedRollback, find_rollback
from pedigree.lifecycle.transition_errors import unknown_stage
from pedigree.postgres.transaction import Row, Transaction
from pedigree.registry.context import ContextGroup


class StageOperations(ContextGroup, StageContract):
    """Stages: move versions into them, and read which version held them when."""

    def champion(self, name: str) -> ModelVersion | None:
        return self.holder(name, CHAMPION_STAGE)

    def holder(self, name: str, stage: str) -> ModelVersion | None:
        found = self.holder_row(name, stage)
        return version_from_search_row(found) if found else None

    def holder_row(self, name: str, stage: str) -> Row | None:
        """Return the same as a row, of which ``version_json`` makes JSON."""
        self._context.require(Permission.READ, name)
        return self._context.database.read(
            lambda transaction: promotion_queue.stage_holder(transaction, name, stage)
        )

    def newest_of_stages(self, name: str) -> dict[str, int]:
        """Return the number of the newest version of each stage of a model, and of none.

        Raises:
            ModelNotFoundError: There is no such model.
        """
        self._context.require(Permission.READ, name)
        return self._context.database.read(
            lambda transaction: lookups.newest_of_stages(transaction, name)
        )

    def promote(
        self,
        reference: str,
        stage: str,
        *,
        archive_existing: bool = False,
        reason: str | None = None,
        expected_generation: int | None = None,
        automatic: bool = False,
        run_id: str | None = None,
        actor: Actor | None = None,
    ) -> Move:
        parsed = parse_reference(reference)
        self._context.require(Permission.MOVE, parsed.name, stage)
        by = self._context.principal(actor)
        requester = SENSOR if automatic else Requester(by)

        def write(transaction: Transaction) -> Move:
            number = parsed.version or lookups.find_version(transaction, parsed).version_id
            transition = StageTransition(transaction, parsed.name, by, reason=reason, run_id=run_id)
            return transition.promote(
                number,
                stage,
                requester,
                archive_existing=archive_existing,
                expected_generation=expected_generation,
            )

        return self._context.database.transaction(write)

    def demote(
        self,
        reference: str,
        *,
        reason: str | None = None,
        expected_generation: int | None = None,
    ) -> Move:
        parsed = parse_reference(reference)
        self._context.require_some(Permission.MOVE, parsed.name)
        by = self._context.principal()

        def write(transaction: Transaction) -> Move:
            number = parsed.version or lookups.find_version(transaction, parsed).version_id
            transition = StageTransition(transaction, parsed.name, by, reason=reason)
            return transition.demote(number, expected_generation=expected_generation)

        return self._context.database.transaction(write)

    def rollback(
        self,
        name: str,
        *,
        stage: str = CHAMPION_STAGE,
        reason: str | None = None,
        expected_generation: int | None = None,
        run_id: str | None = None,
        actor: Actor | None = None,
    ) -> Move:
        self._context.require(Permission.MOVE, name, stage)
        by = self._context.principal(actor)
        return self._context.database.transaction(
            lambda transaction: StageTransition(
                transaction, name, by, reason=reason, run_id=run_id
            ).roll_back(stage, expected_generation=expected_generation)
        )

    def expected_rollback(self, name: str, stage: str) -> ExpectedRollback:
        """Return what a rollback of a stage would do now.

        Raises:
            ModelNotFoundError: There is no such model.
            TransitionNotAllowedError: The policy has no such stage.
            StageEmptyError: No version holds the stage.
            NothingToRollBackError: There is no earlier holder that may still run.
        """
        self._context.require(Permission.READ, name)

        def read(transaction: Transaction) -> ExpectedRollback:
            model = look_at_model(transaction, name)
            rule = model.policy.rule(stage)
            if rule is None:
                raise unknown_stage(model.policy, stage)
            later = model.policy.from_on(rule.name)
            return find_rollback(transaction, model.model_id, name, rule.name, later)

        return self._context.database.read(read)

    def timeline(
        self,
        name: str,
        pointer: str | None = None,
        *,
        limit: int = PAGE,
        before: int | None = None,
    ) -> tuple[Tenure, ...]:
        self._context.require(Permission.READ, name)
        return self._context.database.read(
            lambda connection: tenures.timeline(
                connection, name, pointer, limit=limit, before=before
            )
        )

    def as_of(
        self,
        name: str,
        moment: datetime,
        pointer: str | None = None,
        *,
        limit: int = PAGE,
        after: int | None = None,
    ) -> tuple[Tenure, ...]:
        self._context.require(Permission.READ, name)
        return self._context.database.read(
            lambda connection: tenures.as_of(
                connection, name, moment, pointer, limit=limit, after=after
            )
        )

    def tenures(self, reference: str, *, limit: int = PAGE, after: int = 0) -> tuple[Tenure, ...]:
        return self._context.read_version(
            reference,
            lambda transaction, version: tenures.tenures_of(
                transaction, version, limit=limit, after=after
            ),
        )
