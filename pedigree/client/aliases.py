"""Aliases: movable names of versions."""

from pedigree.catalog.names import validate_alias
from pedigree.client.service import ServiceGroup
from pedigree.contract import paths
from pedigree.contract.aliases import AliasContract


class RemoteAliases(ServiceGroup, AliasContract):
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
        target = {
            "version": version,
            "reason": reason,
            "expected_generation": expected_generation,
        }
        self._service.do(
            "PUT",
            self._service.model_path(paths.ALIAS, name, alias=validate_alias(alias, frozenset())),
            target,
        )

    def delete_alias(self, name: str, alias: str, *, reason: str | None = None) -> None:
        self._service.do(
            "DELETE", self._service.model_path(paths.ALIAS, name, alias=alias), reason=reason
        )
