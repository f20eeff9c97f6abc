"""Requests for stages: a version enters the stage when its last gate is passed."""

from collections.abc import Callable, Collection
from typing import TypeVar

from pedigree._record import RecordPage
from pedigree.access.named_records import with_names
from pedigree.access.records import Permission
from pedigree.audit import log
from pedigree.audit.records import Actor
from pedigree.catalog.records import ModelVersion
from pedigree.contract.stage_requests import StageRequestContract
from pedigree.lifecycle import stage_requests as requests
from pedigree.lifecycle.awaited_decisions import (
    AwaitedDecisions,
    awaited_decisions,
    requests_of_numbers,
)
from pedigree.lifecycle.decision_records import StageRequest
from pedigree.lifecycle.records import Move
from pedigree.lifecycle.requester import StageRequestInput
from pedigree.postgres.transaction import Transaction
from pedigree.registry.context import ContextGroup

T = TypeVar("T")


class StageRequestOperations(ContextGroup, StageRequestContract):
    """Requests for stages: a version enters the stage when its last gate is passed."""

    def request_stage(
        self,
        reference: str,
        stage: str,
        *,
        reason: str | None = None,
        expected_generation: int | None = None,
        actor: Actor | None = None,
    ) -> Move | StageRequest:
        request = StageRequestInput(stage, reason, self._context.principal(actor))
        return self._context.update_version(
            Permission.REQUEST,
            reference,
            lambda transaction, version: requests.request_stage(
                transaction, version, request, expected_generation=expected_generation
            ),
            stage=stage,
        )

    def withdraw_request(
        self,
        reference: str,
        stage: str,
        *,
        reason: str | None = None,
        actor: Actor | None = None,
    ) -> tuple[StageRequest, ...]:
        request = StageRequestInput(stage, reason, self._context.principal(actor))
        return self._context.update_version(
            Permission.REQUEST,
            reference,
            lambda transaction, version: requests.withdraw(transaction, version, request),
            stage=stage,
        )

    def stage_requests(
        self, name: str | None = None, *, limit: int = 100, after: int | None = None
    ) -> tuple[StageRequest, ...]:
        self._context.require_some(Permission.READ, name)

        def read(transaction: Transaction) -> tuple[StageRequest, ...]:
            visible = self._context.visible_models(transaction) if name is None else None
            return requests.list_requests(
                transaction, name, limit=limit, after=after, visible=visible
            )

        return self._context.database.read(read)

    def requests_to_decide(self, *, limit: int = 100, after: int = 0) -> RecordPage[StageRequest]:
        """Return a page of the open requests that wait for the principal's decision, oldest first.

        Args:
            limit: The largest number of results.
            after: The number of the last request of the previous page.

        Raises:
            NotPermittedError: The principal may read no model.
        """
        self._context.require_some(Permission.READ)
        principal = self._context.principal()

        def read(transaction: Transaction) -> RecordPage[StageRequest]:
            awaited = awaited_decisions(transaction, principal, lists=True)
            numbers = [each for each in awaited.request_ids if each > after]
            return requests_of_numbers(transaction, numbers[:limit])

        found = self._context.database.read(read)
        return with_names(found, self._context.names) if self._context.shows_names else found

    def awaited_decisions(self) -> AwaitedDecisions:
        """Return how many open requests wait for the principal's decision, and as of which event.

        It is asked for each page, so it is one statement, and a second one if somebody has approved
        one of the requests already.
        """
        self._context.require_some(Permission.READ)
        principal = self._context.principal()

        def read(transaction: Transaction) -> AwaitedDecisions:
            return awaited_decisions(transaction, principal, lists=False)

        found = self._context.database.read(read)
        if not found.is_behind:
            return found
        # Events that have no place yet would count as later ones.
        log.sequence(self._context.database)
        return self._context.database.read(read)

    def perform_requests(self, name: str) -> tuple[Move, ...]:
        """Perform a model's open requests for stages whose gates have all passed.

        An approval or a verdict that passes the last gate performs the request itself. Time,
        metadata, a release or a new policy do not: for them, the promotion sensor and ``pedigree
        serve`` call this.

        Raises:
            ModelNotFoundError: The model was deleted in the meantime.
        """
        return self._context.database.transaction(
            lambda transaction: requests.perform_due(transaction, name)
        )

    def names_with_requests(self, among: Collection[str] | None = None) -> tuple[str, ...]:
        """Return the models with open requests.

        Args:
            among: Only these models, and models where time alone may have passed a gate; all
                when None.
        """
        return self._context.database.read(
            lambda transaction: requests.names_with_requests(transaction, among)
        )

    def with_requests(
        self,
        permission: Permission,
        reference: str,
        work: Callable[[Transaction, ModelVersion], T],
        *,
        stage: str | None = None,
    ) -> T:
        """Do work that may pass a version's last gate, then perform the model's due requests."""

        def write(transaction: Transaction, version: ModelVersion) -> T:
            result = work(transaction, version)
            requests.perform_due(transaction, version.model_name)
            return result

        return self._context.update_version(permission, reference, write, stage=stage)
