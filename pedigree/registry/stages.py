"""Stages: move versions into them, and say who held them when."""

from datetime import datetime

from pedigree._record import PAGE
from pedigree.audit.records import Actor
from pedigree.catalog.records import ModelVersion
from pedigree.contract.stages import StageContract
from pedigree.lifecycle import promotion_queue, tenures
from pedigree.lifecycle.gates import SENSOR, Requester
from pedigree.lifecycle.records import CHAMPION_STAGE, Move, Tenure
from pedigree.lifecycle.stage_transitions import StageTransition
from pedigree.postgres.transaction import Transaction
from pedigree.registry.context import Context
from pedigree.registry.stage_requests import StageRequestOperations


class StageOperations(StageContract):
    """Stages: move versions into them, and say who held them when."""

    def __init__(self, context: Context, stage_requests: StageRequestOperations) -> None:
        self._context = context
        self._stage_requests = stage_requests

    def champion(self, name: str) -> ModelVersion | None:
        return self.holder(name, CHAMPION_STAGE)

    def holder(self, name: str, stage: str) -> ModelVersion | None:
        return self._context.database.read(
            lambda transaction: promotion_queue.stage_holder(transaction, name, stage)
        )

    def promote(
        self,
        reference: str,
        stage: str,
        *,
        reason: str | None = None,
        expected_generation: int | None = None,
        automatic: bool = False,
        run_id: str | None = None,
        actor: Actor | None = None,
    ) -> Move:
        actor = actor or self._context.actor()

        def write(transaction: Transaction, version: ModelVersion) -> Move:
            mover = StageTransition(
                transaction, version.model_name, actor, reason=reason, run_id=run_id
            )
            return mover.promote(
                version.version_id,
                stage,
                SENSOR if automatic else Requester(actor.name),
                expected_generation=expected_generation,
            )

        return self._stage_requests.tell_cards(self._context.update_version(reference, write))

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
        actor = actor or self._context.actor()
        move = self._context.database.transaction(
            lambda transaction: StageTransition(
                transaction, name, actor, reason=reason, run_id=run_id
            ).roll_back(stage, expected_generation=expected_generation)
        )
        return self._stage_requests.tell_cards(move)

    def timeline(
        self,
        name: str,
        pointer: str | None = None,
        *,
        limit: int = PAGE,
        before: int | None = None,
    ) -> tuple[Tenure, ...]:
        return self._context.database.read(
            lambda connection: tenures.timeline(
                connection, name, pointer, limit=limit, before=before
            )
        )

    def as_of(self, name: str, moment: datetime, pointer: str | None = None) -> tuple[Tenure, ...]:
        return self._context.database.read(
            lambda connection: tenures.as_of(connection, name, moment, pointer)
        )

    def tenures(self, reference: str) -> tuple[Tenure, ...]:
        return self._context.read_version(reference, tenures.tenures_of)
