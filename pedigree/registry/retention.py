"""How long versions and bytes stay: delete, restore, hold, collect, and check all."""

from pedigree.catalog import lookups
from pedigree.catalog.records import ModelVersion
from pedigree.catalog.references import parse_number
from pedigree.lifecycle import policy_history, retention
from pedigree.lifecycle import restore as restoring
from pedigree.lifecycle.gate_inputs import model_state
from pedigree.lifecycle.policy import read_policy
from pedigree.lifecycle.records import RetentionRule
from pedigree.maintenance.fsck import fsck
from pedigree.maintenance.fsck_records import Report
from pedigree.maintenance.gc_apply import apply_plan
from pedigree.maintenance.gc_plan import Plan
from pedigree.maintenance.gc_planner import make_plan
from pedigree.maintenance.gc_records import Collection
from pedigree.postgres.transaction import Transaction
from pedigree.registry.versions import ReadingOperations


class RetentionOperations(ReadingOperations):
    """Verbs that keep and remove."""

    def delete(self, reference: str, *, reason: str) -> None:
        """Mark a version deleted; its number never comes back.

        Raises:
            VersionInUseError: A stage, an alias or a legal hold protects it.
        """
        actor = self.actor()
        self._update_version(
            reference,
            lambda transaction, version: retention.delete_version(
                transaction, version.model_name, version.version_id, actor, reason=reason
            ),
        )

    def delete_model(self, name: str, *, reason: str) -> None:
        """Mark a model and all its versions deleted; its name never comes back.

        Raises:
            VersionInUseError: A stage, an alias or a legal hold protects one of them.
        """
        actor = self.actor()
        self.database.transaction(
            lambda transaction: retention.delete_model(transaction, name, actor, reason=reason)
        )

    def restore(self, reference: str, *, reason: str | None = None) -> ModelVersion:
        """Bring a deleted version back, in the stage that it had; a living one stays as it is.

        Args:
            reference: The version by its number, such as ``churn/3``.
            reason: Why, for the audit log.

        Raises:
            InvalidReferenceError: The reference names no number.
            NotFoundError: There is no such model, or the number was never given out.
            BytesCollectedError: Its bytes were collected.
            BytesTakenError: The same bytes were registered anew in the meantime.
        """
        parsed, number = parse_number(reference)
        actor = self.actor()

        def write(transaction: Transaction) -> ModelVersion:
            restoring.restore_version(transaction, parsed.name, number, actor, reason=reason)
            return lookups.find_version(transaction, parsed)

        return self.database.transaction(write)

    def restore_model(self, name: str, *, reason: str | None = None) -> tuple[int, ...]:
        """Bring a deleted model back, with those versions deleted with it whose bytes are there.

        Returns:
            The numbers of the versions that came back; none where the model was not deleted.

        Raises:
            ModelNotFoundError: There never was such a model.
            BytesCollectedError: The bytes of all its versions were collected.
        """
        actor = self.actor()
        return self.database.transaction(
            lambda transaction: restoring.restore_model(transaction, name, actor, reason=reason)
        )

    def retention(self, name: str) -> RetentionRule:
        """Return a model's rule for retention; an empty one where it has none of its own.

        Raises:
            ModelNotFoundError: There is no model of that name.
        """
        state = self.database.read(lambda transaction: model_state(transaction, name))
        return read_policy(state["policy"]).retention or RetentionRule()

    def set_retention(self, name: str, rule: RetentionRule) -> RetentionRule:
        """Give a model a rule for retention; the rest of its policy stays.

        Raises:
            ModelNotFoundError: There is no model of that name.
        """
        actor = self.actor()
        return self.database.transaction(
            lambda transaction: policy_history.set_retention(transaction, name, rule, actor)
        )

    def hold(self, reference: str, *, reason: str) -> None:
        """Put a legal hold on a version: it cannot be deleted until that is lifted."""
        actor = self.actor()
        self._update_version(
            reference,
            lambda transaction, version: retention.hold_version(
                transaction, version.model_name, version.version_id, actor, reason=reason
            ),
        )

    def lift_hold(self, reference: str, *, reason: str | None = None) -> None:
        """Take a version's legal hold away; a version without one is left as it is."""
        actor = self.actor()
        self._update_version(
            reference,
            lambda transaction, version: retention.lift_hold(
                transaction, version.model_name, version.version_id, actor, reason=reason
            ),
        )

    def plan_gc(self) -> Plan:
        """Say what a garbage collection would do now, and why; nothing is changed.

        Returns:
            The plan: its items, their digest and their sums. Close it, it holds a file.
        """
        return make_plan(self.database, self.settings.retention_window)

    def gc(self, plan: Plan) -> Collection:
        """Do exactly what a plan says; what came to be needed meanwhile is left and reported.

        Args:
            plan: From :meth:`plan_gc`.

        Raises:
            CorruptionError: Bytes that shall move are not what their digest says.
            StoreUnavailableError: The store failed; the next collection goes on from there.
        """
        window = self.settings.retention_window
        return apply_plan(self.database, self.store, plan, self.actor(), window=window)

    def fsck(self, *, hashes: bool = False) -> Report:
        """Check every invariant of the registry, while it is at work; nothing is changed.

        Args:
            hashes: Read every object and compare its digest, instead of its size alone.

        Raises:
            StoreUnavailableError: The store does not answer.
        """
        return fsck(self.database, self.store, hashes=hashes)
