"""How long versions stay: delete, restore and hold them."""

from typing import Protocol

from pedigree.catalog.records import ModelVersion
from pedigree.lifecycle.records import RetentionRule


class RetentionContract(Protocol):
    """How long versions stay: delete, restore and hold them."""

    def delete(self, reference: str, *, reason: str) -> None:
        """Mark a version deleted; its number never comes back.

        Raises:
            VersionInUseError: A stage, an alias or a legal hold protects it.
        """

    def delete_model(self, name: str, *, reason: str) -> None:
        """Mark a model and all its versions deleted; its name never comes back.

        Raises:
            VersionInUseError: A stage, an alias or a legal hold protects one of them.
        """

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

    def restore_model(self, name: str, *, reason: str | None = None) -> tuple[int, ...]:
        """Bring a deleted model back, with those versions deleted with it whose bytes are there.

        Returns:
            The numbers of the versions that came back; none where the model was not deleted.

        Raises:
            ModelNotFoundError: There never was such a model.
            BytesCollectedError: The bytes of all its versions were collected.
        """

    def retention(self, name: str) -> RetentionRule:
        """Return a model's rule for retention; an empty one where it has none of its own.

        Raises:
            ModelNotFoundError: There is no model of that name.
        """

    def set_retention(self, name: str, rule: RetentionRule) -> RetentionRule:
        """Give a model a rule for retention; the rest of its policy stays.

        Raises:
            ModelNotFoundError: There is no model of that name.
        """

    def hold(self, reference: str, *, reason: str) -> None:
        """Put a legal hold on a version: it cannot be deleted until that is lifted."""

    def lift_hold(self, reference: str, *, reason: str | None = None) -> None:
        """Take a version's legal hold away; a version without one is left as it is."""
