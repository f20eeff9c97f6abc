"""Registered models: create, describe and list them."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Protocol

from pedigree._record import PAGE
from pedigree.catalog.records import RegisteredModel


class ModelContract(Protocol):
    """Registered models: create, describe and list them."""

    def create_model(
        self,
        name: str,
        *,
        description: str | None = None,
        owners: Sequence[str] = (),
        tags: Mapping[str, str] | None = None,
    ) -> RegisteredModel:
        """Make a model that has no version yet; a registration would make it as well.

        Raises:
            InvalidNameError: The name breaks the rule.
            NameTakenError: The name, or a twin of it, exists or existed.
        """

    def update_model(
        self,
        name: str,
        *,
        description: str | None = None,
        owners: Sequence[str] | None = None,
        tags: Mapping[str, str] | None = None,
    ) -> RegisteredModel:
        """Replace a model's description, owners or tags; what is None stays as it is.

        Raises:
            ModelNotFoundError: There is no such model.
        """

    def model(self, name: str) -> RegisteredModel:
        """Return a registered model.

        Raises:
            ModelNotFoundError: There is none of that name.
        """

    def models(self, *, limit: int = PAGE, after: str | None = None) -> tuple[RegisteredModel, ...]:
        """Return a page of the registered models by name.

        Args:
            limit: How many at most.
            after: The name that the page before ended with.
        """

    def each_model(self) -> Iterator[RegisteredModel]:
        """Give all registered models by name, a page at a time."""
