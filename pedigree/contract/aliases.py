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
        """Let an alias point to a version; it leaves whichever had it.

        Raises:
            InvalidAliasError: The alias breaks the rule, is a stage's name or another one's twin.
            GenerationConflictError: The model's pointers moved since the caller looked.
        """

    def delete_alias(self, name: str, alias: str, *, reason: str | None = None) -> None:
        """Take an alias away, named in any case.

        Raises:
            AliasNotFoundError: The model has no such alias.
        """
