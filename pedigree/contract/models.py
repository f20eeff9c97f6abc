"""Registered models: create, describe and list them."""

from collections.abc import Iterator
from typing import Protocol

from pedigree._record import PAGE, UNCHANGED, IsUnchanged
from pedigree._values import ManyTexts, TagChanges, TagTexts
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
        description: str | IsUnchanged | None = UNCHANGED,
        owners: ManyTexts | IsUnchanged | None = UNCHANGED,
        tags: TagChanges | IsUnchanged | None = UNCHANGED,
    ) -> RegisteredModel:
        """Change a model's description, owners or tags; what is not given stays.

        Args:
            name: The model.
            description: The new description; None removes it.
            owners: The new owners, instead of all former ones; None removes them.
            tags: Tags to set. A tag of None is removed, and the others stay; None removes all.

        Raises:
            ModelNotFoundError: There is no such model.
        """

    def rename_model(self, name: str, new_name: str) -> RegisteredModel:
        """Give a model another name; its versions keep their numbers, stages and aliases.

        Its history is found under both names. The former name names it no more, and no new model
        can have it. The caller needs the right to register under both names.

        Args:
            name: The model.
            new_name: Its new name; its own name has no effect.

        Raises:
            ModelNotFoundError: There is no such model.
            InvalidNameError: The new name breaks the naming rule.
            NameTakenError: Another model has or had the new name, or an equivalent one.
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
