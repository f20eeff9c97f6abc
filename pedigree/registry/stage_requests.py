"""Stages that people ask for, which versions enter when their last gate is passed."""

from collections.abc import Callable, Collection
from typing import TypeVar

from pedigree.audit.records import Actor
from pedigree.catalog.records import ModelVersion
from pedigree.lifecycle import stage_requests as requests
from pedigree.lifecycle.decision_records import StageRequest
from pedigree.lifecycle.records import Move
from pedigree.lifecycle.stage_requests import StageRequestInput
from pedigree.postgres.transaction import Transaction
from pedigree.registry.cards import CardOperations

T = TypeVar("T")


class RequestOperations(CardOperations):
    """Verbs for requests of stages."""

    def request_stage(
        self,
        reference: str,
        stage: str,
        *,
        reason: str | None = None,
        expected_generation: int | None = None,
        only_asks: bool = False,
        actor: Actor | None = None,
    ) -> Move | StageRequest:
        """Let a version enter a stage as soon as every gate is passed: now or with the last one.

        A request stays open until it is performed, withdrawn or rejected, or until the version
        goes elsewhere. Asked for again by the same person, the one that is open is returned.

        Args:
            reference: The version.
            stage: The stage.
            reason: Why, for the timeline and for who approves.
            expected_generation: The model's generation that the caller saw.
            only_asks: Who asks may not move versions: somebody else who may must approve as well.
            actor: Who asks; found out when None.

        Raises:
            TransitionNotAllowedError: The policy has no way into the stage from here.
            GenerationConflictError: The model's pointers moved since the caller looked.
        """
        wish = StageRequestInput(stage, reason, actor or self.actor(), only_asks)
        return self._update_version(
            reference,
            lambda transaction, version: requests.request_stage(
                transaction, version, wish, expected_generation=expected_generation
            ),
        )

    def withdraw_request(
        self,
        reference: str,
        stage: str,
        *,
        reason: str | None = None,
        only_asks: bool = False,
        actor: Actor | None = None,
    ) -> tuple[StageRequest, ...]:
        """Take back what was asked for a version: the open requests for its way into a stage.

        Args:
            reference: The version.
            stage: The stage.
            reason: Why, for the audit log.
            only_asks: Who does it may not move versions: it takes back its own alone.
            actor: Who does it; found out when None.

        Raises:
            NotFoundError: There is none.
            NotPermittedError: They are others'.
        """
        wish = StageRequestInput(stage, reason, actor or self.actor(), only_asks)
        return self._update_version(
            reference, lambda transaction, version: requests.withdraw(transaction, version, wish)
        )

    def stage_requests(
        self, name: str | None = None, *, limit: int = 100, after: int | None = None
    ) -> tuple[StageRequest, ...]:
        """Return the open requests for stages, the oldest first: what waits for approvers.

        Args:
            name: Those for this model's versions; all when None.
            limit: How many at most.
            after: Only those behind this ``request_id``.

        Raises:
            ModelNotFoundError: There is no model of that name.
        """
        return self.database.read(
            lambda transaction: requests.list_requests(transaction, name, limit=limit, after=after)
        )

    def perform_requests(self, name: str) -> tuple[Move, ...]:
        """Let those versions of a model enter a stage that was asked for and that may by now.

        What passes a gate by itself, an approval or a verdict, does so by itself. Time, metadata, a
        release or another policy do not: for them the promotion sensor and ``pedigree serve`` ask.

        Raises:
            ModelNotFoundError: The model was deleted meanwhile.
        """
        return self.database.transaction(
            lambda transaction: requests.perform_due(transaction, name)
        )

    def names_with_requests(self, among: Collection[str] | None = None) -> tuple[str, ...]:
        """Return the models with open requests.

        Args:
            among: Only of these, and of models where time alone may have passed a gate; all
                when None.
        """
        return self.database.read(
            lambda transaction: requests.names_with_requests(transaction, among)
        )

    def _with_requests(self, reference: str, work: Callable[[Transaction, ModelVersion], T]) -> T:
        """Do what may pass a version's last gate, and with it what was asked for."""

        def write(transaction: Transaction, version: ModelVersion) -> T:
            result = work(transaction, version)
            requests.perform_due(transaction, version.model_name)
            return result

        return self._update_version(reference, write)
