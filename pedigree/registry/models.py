"""Registered models: create, describe and list them."""

from collections.abc import Iterator, Mapping, Sequence

from pedigree._record import PAGE, UNCHANGED, IsUnchanged
from pedigree.access.named_records import with_names
from pedigree.access.records import Permission
from pedigree.catalog import lookups, model_edits, renaming
from pedigree.catalog.description import Changes
from pedigree.catalog.overview import reading
from pedigree.catalog.overview.near_names import near_names
from pedigree.catalog.overview.records import ModelFacet, ModelFilter, ModelOrder, ModelPage
from pedigree.catalog.records import RegisteredModel
from pedigree.catalog.store import lock_model
from pedigree.contract.models import ModelContract
from pedigree.lifecycle.policy_defaults import give_first_policy
from pedigree.lifecycle.records import Policy
from pedigree.postgres.transaction import Transaction
from pedigree.registry.context import ContextGroup


class ModelOperations(ContextGroup, ModelContract):
    """Registered models: create, describe and list them."""

    def create_model(
        self,
        name: str,
        *,
        description: str | None = None,
        owners: Sequence[str] = (),
        tags: Mapping[str, str] | None = None,
        recreate: bool = False,
        first_policy: Policy | None = None,
    ) -> RegisteredModel:
        """Do what the verb does.

        Args:
            name: The model.
            description: Its description.
            owners: Its owners.
            tags: Its tags.
            recreate: Whether a name may be had again: that of a deleted model, which then cannot
                be restored, or one that a model had until it was renamed. The numbers of versions
                continue above those of the name.
            first_policy: Its policy where no policy of new models fits its name.
        """
        self._context.require(Permission.REGISTER, name)
        actor = self._context.actor()
        owners = self._context.names.pseudonyms(owners)

        def write(transaction: Transaction) -> RegisteredModel:
            model_edits.create_described(
                transaction,
                name,
                actor,
                description=description,
                owners=owners,
                tags=tags or {},
                recreate=recreate,
            )
            give_first_policy(transaction, lock_model(transaction, name), actor, first_policy)
            return lookups.find_model(transaction, name)

        return self._context.database.transaction(write)

    def update_model(
        self,
        name: str,
        *,
        description: str | IsUnchanged | None = UNCHANGED,
        owners: Sequence[str] | IsUnchanged | None = UNCHANGED,
        tags: Mapping[str, str | None] | IsUnchanged | None = UNCHANGED,
    ) -> RegisteredModel:
        self._context.require(Permission.DESCRIBE, name)
        changes = Changes(description, owners, tags).naming(self._context.names.pseudonyms)
        actor = self._context.actor()

        def write(transaction: Transaction) -> RegisteredModel:
            model_edits.describe_model(transaction, name, actor, changes)
            return lookups.find_model(transaction, name)

        return self._context.database.transaction(write)

    def rename_model(self, name: str, new_name: str, *, recreate: bool = False) -> RegisteredModel:
        """Do what the verb does; with ``recreate``, a name may be had again.

        Not if a number of a version would repeat under it.
        """
        for each in (name, new_name):
            self._context.require(Permission.REGISTER, each)
        actor = self._context.actor()

        def write(transaction: Transaction) -> RegisteredModel:
            renaming.rename_model(transaction, name, new_name, actor, recreate=recreate)
            return lookups.find_model(transaction, new_name)

        return self._context.database.transaction(write)

    def model(self, name: str) -> RegisteredModel:
        self._context.require(Permission.READ, name)
        return self._context.database.read(lambda connection: lookups.find_model(connection, name))

    def models(self, *, limit: int = PAGE, after: str | None = None) -> tuple[RegisteredModel, ...]:
        self._context.require_some(Permission.READ)

        def read(connection: Transaction) -> tuple[RegisteredModel, ...]:
            visible = self._context.visible_models(connection)
            return lookups.list_models(connection, limit=limit, after=after, visible=visible)

        return self._context.database.read(read)

    def each_model(self) -> Iterator[RegisteredModel]:
        after = None
        while page := self.models(after=after):
            yield from page
            after = page[-1].name

    def near(self, name: str) -> tuple[str, ...]:
        """Return up to three names of models that look like a name that no model has.

        Only models that the principal may read are among them.
        """
        self._context.require_some(Permission.READ)
        return self._context.database.read(
            lambda transaction: near_names(
                transaction, name, self._context.visible_models(transaction)
            )
        )

    def overview(
        self,
        filter: ModelFilter,
        *,
        order: ModelOrder = ModelOrder.NAME,
        limit: int = 50,
        after: str | None = None,
        unfolded: ModelFacet | None = None,
    ) -> ModelPage:
        """Return a page of models with what a list shows of them, and counts of all that fit.

        Nothing in it asks the asset graph: staleness and drift are what was last seen.

        Args:
            filter: What the models have in common.
            order: Their order.
            limit: How many at most, 1 to 200.
            after: The cursor ``next`` of the previous page.
            unfolded: The facet of which up to 200 values are counted, instead of ten.

        Raises:
            InvalidInputError: The limit is outside its domain, or the cursor is that of another
                list.
        """
        self._context.require_some(Permission.READ)
        names = self._context.names
        if filter.owner is not None:
            owner = names.exactly((filter.owner,)).get(filter.owner, filter.owner)
            filter = filter.model_copy(update={"owner": owner})
        asked = reading.question(filter, order=order, limit=limit, after=after, unfolded=unfolded)

        def read(connection: Transaction) -> ModelPage:
            visible = self._context.visible_models(connection)
            return reading.read_page(connection, asked, visible, self._context.kept_counts)

        return with_names(self._context.database.read(read), names).sorted()
