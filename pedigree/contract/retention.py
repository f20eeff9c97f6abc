"""Retention of versions: delete, restore and hold them."""

from typing import Protocol

from pedigree.catalog.records import ModelVersion
from pedigree.lifecycle.records import RetentionRule


class RetentionContract(Protocol):
    """Retention of versions: delete, restore and hold them."""

    def delete(self, reference: str, *, reason: str) -> None:
        """Mark a version deleted; its number is never used again.

        Under a policy with ``delete_held: true`` the stage and the aliases that it holds end first.

        Raises:
            VersionInUseError: A stage, an alias or a legal hold protects it.
            NotPermittedError: The caller may not move what it holds.
        """

    def delete_model(self, name: str, *, reason: str) -> None:
        """Mark a model and all its versions deleted; its name is never used again.

        Under a policy with ``delete_held: true`` the stages and aliases of its versions end first.

        Raises:
            VersionInUseError: A stage, an alias or a legal hold protects one of them.
            NotPermittedError: The caller may not move what they hold.
        """

    def restore(self, reference: str, *, reason: str | None = None) -> ModelVersion:
        """Restore a deleted version into its stage; a version that is not deleted stays unchanged.

        Args:
            reference: The version by its number, such as ``churn/3``.
            reason: The reason, for the audit log.

        Raises:
            InvalidReferenceError: The reference has no version number.
            NotFoundError: There is no such model, or the number was never assigned.
            BytesCollectedError: The version's bytes were collected.
            BytesTakenError: The same bytes were registered again in the meantime.
            CorruptionError: The store lost some of its bytes.
        """

    def restore_model(self, name: str, *, reason: str | None = None) -> tuple[int, ...]:
        """Restore a deleted model and the versions deleted with it whose bytes still exist.

        Returns:
            The numbers of the restored versions; empty if the model was not deleted.

        Raises:
            ModelNotFoundError: There has never been such a model.
            BytesCollectedError: The bytes of all its versions were collected.
            CorruptionError: The store lost some of their bytes.
        """

    def retention(self, name: str) -> RetentionRule:
        """Return a model's retention rule; an empty rule if it has none of its own.

        Raises:
            ModelNotFoundError: There is no such model.
        """

    def set_retention(self, name: str, rule: RetentionRule) -> RetentionRule:
        """Set a model's retention rule; the rest of its policy stays.

        Raises:
            ModelNotFoundError: There is no such model.
        """

    def hold(self, reference: str, *, reason: str) -> None:
        """Put a legal hold on a version: it cannot be deleted until the hold is lifted."""

    def lift_hold(self, reference: str, *, reason: str | None = None) -> None:
        """Lift a version's legal hold; a version without one stays unchanged."""
