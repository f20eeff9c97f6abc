"""Versions: look them up, edit and compare them."""

from typing import Protocol

from pedigree._record import PAGE, UNCHANGED, IsUnchanged
from pedigree._values import ManyTexts, TagChanges
from pedigree.catalog.diff_records import VersionComparison
from pedigree.catalog.records import ModelVersion, Training


class VersionContract(Protocol):
    """Versions: look them up, edit and compare them."""

    def get(self, reference: str) -> ModelVersion:
        """Return the version that a reference names: ``churn/3``, ``churn@production``, ….

        Raises:
            InvalidReferenceError: The reference cannot be parsed.
            NotFoundError: The reference names no version.
            AmbiguousStageError: Several versions are in the stage.
        """

    def versions(
        self,
        name: str,
        *,
        limit: int = PAGE,
        after: int | None = None,
        newest_first: bool = False,
    ) -> tuple[ModelVersion, ...]:
        """Return a page of a model's versions, the oldest first.

        Args:
            name: The model.
            limit: How many at most.
            after: The last version number of the previous page.
            newest_first: Return the newest first.

        Raises:
            ModelNotFoundError: There is no such model.
        """

    def update(
        self,
        reference: str,
        *,
        description: str | IsUnchanged | None = UNCHANGED,
        owners: ManyTexts | IsUnchanged | None = UNCHANGED,
        tags: TagChanges | IsUnchanged | None = UNCHANGED,
    ) -> ModelVersion:
        """Change a version's description, owners or tags; what is not given stays.

        Args:
            reference: The version.
            description: The new description; None removes it.
            owners: The new owners, instead of all former ones; None removes them.
            tags: Tags to set. A tag of None is removed, and the others stay; None removes all.
        """

    def trainings(
        self, reference: str, *, limit: int = PAGE, after: str | None = None
    ) -> tuple[Training, ...]:
        """Return a page of the runs that produced a version's bytes, the oldest first.

        Args:
            reference: The version.
            limit: How many at most.
            after: The last ``training_id`` of the previous page.
        """

    def environment(self, reference: str) -> tuple[str, ...]:
        """Return the packages that a version was trained with; empty if they are unknown."""

    def compare(self, a: str, b: str) -> VersionComparison:
        """Return how version ``b`` differs from version ``a``, also across models.

        Raises:
            NotFoundError: A reference names no version.
        """
