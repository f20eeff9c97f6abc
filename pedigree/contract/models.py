"""Registered models: create, describe and list them."""

from collections.abc import Iterator
from typing import Protocol

from pedigree._record import PAGE
from pedigree._values import ManyTexts, TagTexts
from pedigree.catalog.records import RegisteredModel


class ModelContract(Protocol):
    """Registered models: create, describe and list them."""

    def create_model(
        self,
        name: str,
        *,
        description: str | None = None,
        owners: ManyTexts = (),
        tags: TagTexts | None = None,
    ) -> RegisteredModel:
        """Create a model without versions; a registration creates the model as well.

        Raises:
            InvalidNameError: The name breaks the naming rule.
            NameTakenError: The name exists or existed, possibly in another case or character form.
        """

    def update_model(
        self,
        name: str,
        *,
        description: str | None = None,
        owners: ManyTexts | None = None,
        tags: TagTexts | None = None,
    ) -> RegisteredModel:
        """Replace a model's description, owners or tags; None leaves a field unchanged.

        Raises:
            ModelNotFoundError: There is no such model.
        """

    def model(self, name: str) -> RegisteredModel:
        """Return a registered model.

        Raises:
            ModelNotFoundError: There is no such model.
        """

    def models(self, *, limit: int = PAGE, after: str | None = None) -> tuple[RegisteredModel, ...]:
        """Return a page of the registered models, in the order of their names.

        Args:
            limit: How many at most.
            after: The last name of the previous page.
        """

    def each_model(self) -> Iterator[RegisteredModel]:
        """Iterate over all registered models by name, reading a page at a time."""
