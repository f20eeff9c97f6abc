"""Aliases: movable names of versions."""

from pedigree.access.records import Permission
from pedigree.contract.aliases import AliasContract
from pedigree.lifecycle import aliases
from pedigree.registry.context import ContextGroup


class AliasOperations(ContextGroup, AliasContract):
    """Aliases: movable names of versions."""

    def set_alias(
        self,
        name: str,
        alias: str,
        version: int,
        *,
        expected_generation: int | None = None,
        reason: str | None = None,
    ) -> None:
        self._context.require(Permission.MOVE, name)
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
        self._context.require(Permission.MOVE, name)
        actor = self._context.actor()
        self._context.database.transaction(
            lambda transaction: aliases.delete_alias(transaction, name, alias, actor, reason=reason)
        )
