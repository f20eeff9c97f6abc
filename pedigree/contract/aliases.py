"""Aliases: movable names of versions."""

from typing import Protocol


class AliasContract(Protocol):
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
        """Point an alias to a version; an alias points to one version at a time.

        Raises:
            InvalidAliasError: The alias breaks the naming rule, is the name of a stage, or differs
                only in case or character form from another alias.
            GenerationConflictError: The model's pointers moved since the caller looked.
        """

    def delete_alias(self, name: str, alias: str, *, reason: str | None = None) -> None:
        """Delete an alias; its name matches in any case.

        Raises:
            AliasNotFoundError: The model has no such alias.
        """
