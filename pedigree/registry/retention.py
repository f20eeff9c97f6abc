"""Retention of versions: delete, restore and hold them."""

from pedigree.access.records import Permission
from pedigree.catalog import lookups
from pedigree.catalog.records import ModelVersion
from pedigree.catalog.references import parse_number
from pedigree.contract.retention import RetentionContract
from pedigree.lifecycle import policy_history, retention
from pedigree.lifecycle import restore as restoring
from pedigree.lifecycle.gate_inputs import model_state
from pedigree.lifecycle.policy import read_policy
from pedigree.lifecycle.records import RetentionRule
from pedigree.postgres.transaction import Transaction
from pedigree.registry.context import ContextGroup


class RetentionOperations(ContextGroup, RetentionContract):
    """Retention of versions: delete, restore and hold them."""

    def delete(self, reference: str, *, reason: str) -> None:
        by = self._context.principal()
        self._context.update_version(
            Permission.DELETE,
            reference,
            lambda transaction, version: retention.delete_version(
                transaction, version.model_name, version.version_id, by, reason=reason
            ),
        )

    def delete_model(self, name: str, *, reason: str) -> None:
        self._context.require(Permission.DELETE, name)
        by = self._context.principal()
        self._context.database.transaction(
            lambda transaction: retention.delete_model(transaction, name, by, reason=reason)
        )

    def restore(self, reference: str, *, reason: str | None = None) -> ModelVersion:
        parsed, number = parse_number(reference)
        self.require_bytes(parsed.name, number)
        actor = self._context.actor()

        def write(transaction: Transaction) -> ModelVersion:
            restoring.restore_version(transaction, parsed.name, number, actor, reason=reason)
            return lookups.find_version(transaction, parsed)

        return self._context.database.transaction(write)

    def restore_model(self, name: str, *, reason: str | None = None) -> tuple[int, ...]:
        self.require_bytes(name)
        actor = self._context.actor()
        return self._context.database.transaction(
            lambda transaction: restoring.restore_model(transaction, name, actor, reason=reason)
        )

    def require_bytes(self, name: str, number: int | None = None) -> None:
        """Require the objects of deleted versions that shall be restored.

        Args:
            name: The model.
            number: The version; all deleted versions when None.

        Raises:
            CorruptionError: The store lost one of them.
        """
        self._context.require(Permission.DELETE, name)
        self._context.require_bytes(
            lambda transaction: restoring.blobs_to_restore(transaction, name, number)
        )

    def retention(self, name: str) -> RetentionRule:
        self._context.require(Permission.READ, name)
        state = self._context.database.read(lambda transaction: model_state(transaction, name))
        return read_policy(state["policy"]).retention or RetentionRule()

    def set_retention(self, name: str, rule: RetentionRule) -> RetentionRule:
        self._context.require(Permission.GOVERN, name)
        by = self._context.principal()
        return self._context.database.transaction(
            lambda transaction: policy_history.set_retention(transaction, name, rule, by)
        )

    def hold(self, reference: str, *, reason: str) -> None:
        actor = self._context.actor()
        self._context.update_version(
            Permission.GOVERN,
            reference,
            lambda transaction, version: retention.hold_version(
                transaction, version.model_name, version.version_id, actor, reason=reason
            ),
        )

    def lift_hold(self, reference: str, *, reason: str | None = None) -> None:
        actor = self._context.actor()
        self._context.update_version(
            Permission.GOVERN,
            reference,
            lambda transaction, version: retention.lift_hold(
                transaction, version.model_name, version.version_id, actor, reason=reason
            ),
        )
