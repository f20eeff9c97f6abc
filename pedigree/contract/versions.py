"""Versions: look them up, edit and compare them."""

from collections.abc import Mapping, Sequence
from typing import Protocol

from pedigree._record import PAGE
from pedigree.catalog.diff_records import VersionComparison
from pedigree.catalog.records import ModelVersion, Training


class VersionContract(Protocol):
    """Versions: look them up, edit and compare them."""

    def get(self, reference: str) -> ModelVersion:
        """Return the version that a reference names: ``churn/3``, ``churn@production``, ….

        Raises:
            InvalidReferenceError: The reference cannot be read.
            NotFoundError: It names nothing.
            AmbiguousStageError: Several versions hold the stage.
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
            after: The number that the page before ended with.
            newest_first: Begin with the newest and go back.

        Raises:
            ModelNotFoundError: There is none of that name.
        """

    def update(
        self,
        reference: str,
        *,
        description: str | None = None,
        owners: Sequence[str] | None = None,
        tags: Mapping[str, str] | None = None,
    ) -> ModelVersion:
        """Replace a version's description, owners or tags; what is None stays as it is."""

    def trainings(
        self, reference: str, *, limit: int = PAGE, after: str | None = None
    ) -> tuple[Training, ...]:
        """Return a page of the runs that produced a version's bytes, the first one first.

        Args:
            reference: The version.
            limit: How many at most.
            after: The ``training_id`` that the page before ended with.
        """

    def environment(self, reference: str) -> tuple[str, ...]:
        """Return the packages that a version was trained with; none where that is not known."""

    def compare(self, a: str, b: str) -> VersionComparison:
        """Return in what version ``b`` differs from version ``a``; they may be of two models.

        Raises:
            NotFoundError: A reference names nothing.
        """
