"""Aliases: movable names of versions."""

from pedigree.contract.aliases import AliasContract
from pedigree.lifecycle import aliases
from pedigree.registry.context import Context


class AliasOperations(AliasContract):
    """Aliases: movable names of versions."""

    def __init__(self, context: Context) -> None:
        self._context = context

    def set_alias(
        self,
        name: str,
        alias: str,
        version: int,
        *,
        expected_generation: int | None = None,
        reason: str | None = None,
    ) -> None:
        actor = self._context.actor()
        self._context.database.transaction(
            lambda transaction: aliases.set_alias(
                transaction,
                name,
                alias,
                version,
                actor,
                expected_generation=expected_generation,
                reason=reason,
            )
        )

    def delete_alias(self, name: str, alias: str, *, reason: str | None = None) -> None:
        actor = self._context.actor()
        self._context.database.transaction(
            lambda transaction: aliases.delete_alias(transaction, name, alias, actor, reason=reason)
        )
