"""Registered models: make one before its first version, and describe it."""

from collections.abc import Mapping, Sequence

from pedigree.catalog import lookups, model_edits
from pedigree.catalog.records import RegisteredModel
from pedigree.postgres.transaction import Transaction
from pedigree.registry._session import Session


class ModelOperations(Session):
    """Verbs on registered models themselves."""

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
        actor = self.actor()

        def write(transaction: Transaction) -> RegisteredModel:
            model_edits.create_described(
                transaction, name, actor, description=description, owners=owners, tags=tags or {}
            )
            return lookups.find_model(transaction, name)

        return self.database.transaction(write)

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
        actor = self.actor()

        def write(transaction: Transaction) -> RegisteredModel:
            model_edits.describe_model(
                transaction, name, actor, description=description, owners=owners, tags=tags
            )
            return lookups.find_model(transaction, name)

        return self.database.transaction(write)
