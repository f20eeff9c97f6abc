"""Brings what changed at the origin to a model that an import made; what changed here stays."""

from collections.abc import Callable, Collection, Mapping
from contextlib import suppress
from functools import partial
from typing import Any

from pedigree.errors import (
    InvalidInputError,
    NotFoundError,
    RefusedError,
    VersionInUseError,
    VersionNotFoundError,
)
from pedigree.lifecycle.records import NO_STAGE, Policy
from pedigree.registry import Registry
from pedigree.transfer.carriage import CarriedModel, carried_version
from pedigree.transfer.marks import Carried, Marks, ModelMarks
from pedigree.transfer.origin_records import OriginVersion
from pedigree.transfer.report import Fate, RegistryPart, Reporting

_REASON = "MLflow says so"


class ModelFollower:
    """Follows one model.

    Args:
        registry: The registry.
        marks: What was carried last.
        reporting: Gets what was carried, and what was refused.
        origin: The name of the model at the origin.
        name: Its name here.
    """

    def __init__(
        self, registry: Registry, marks: Marks, reporting: Reporting, origin: str, name: str
    ) -> None:
        self._operations = registry.operations
        self._marks = marks
        self._reporting = reporting
        self._origin = origin
        self._name = name

    def follow_model(self, model: CarriedModel, last: Carried | None) -> None:
        """Change the description and the tags as they changed at the origin."""
        if last is not None and "tags" in last:
            self._describe(self._name, None, last, model.description, model.tags)

    def follow_aliases(self, model: CarriedModel, last: Carried | None) -> None:
        """Change the aliases as they changed at the origin, and note what was carried."""
        before: Mapping[str, int] = (last or {}).get("aliases", {})
        aliases = {
            alias: number
            for alias, number in model.aliases.items()
            if before.get(alias) == number or self._set_alias(alias, number)
        }
        present = self._operations.models.model(self._name).aliases
        for alias in before.keys() - model.aliases.keys():
            if present.get(alias) == before[alias]:  # else it was moved or deleted here
                self._operations.aliases.delete_alias(self._name, alias, reason=_REASON)
                self._reporting.count(RegistryPart.ALIAS, Fate.CARRIED)
        carried = {
            "name": self._name,
            "policy": True,
            "description": model.description,
            "tags": dict(model.tags),
            "aliases": aliases,
        }
        if carried != last:
            self._marks.set(self._origin, None, carried)

    def follow_version(self, version: OriginVersion, policy: Policy, marks: ModelMarks) -> None:
        """Change a version that is here as it changed at the origin, and note what was carried."""
        wanted = carried_version(version, policy, self._reporting)
        carried: Carried = {
            "description": wanted.description,
            "tags": dict(wanted.tags),
            "stage": wanted.stage,
        }
        last = marks.versions.get(version.number)
        if carried == last:
            self._reporting.count(RegistryPart.VERSION, Fate.UNCHANGED)
            return

        def follow() -> None:
            reference = f"{self._name}/{version.number}"
            before = self._present(reference) if last is None else last
            self._describe(reference, version.number, before, wanted.description, wanted.tags)
            if wanted.stage != before["stage"]:
                self._move(version, reference, wanted.stage)
            self._marks.set(self._origin, version.number, carried)
            if last is not None:
                self._reporting.count(RegistryPart.VERSION, Fate.CARRIED)

        self._try(RegistryPart.VERSION, version.number, None, follow)

    def bury(self, numbers: Collection[int], marks: ModelMarks) -> None:
        """Delete versions of some numbers that the origin has no more, as far as it gave them."""
        for number in numbers:
            if not marks.versions.get(number, {}).get("gone"):
                self._try(RegistryPart.TOMBSTONE, number, None, partial(self._delete, number))

    def _delete(self, number: int) -> None:
        reference = f"{self._name}/{number}"
        with suppress(VersionNotFoundError):  # it was deleted here, too
            if not self._is_theirs(reference):
                return
            if self._operations.versions.get(reference).stage != NO_STAGE:
                self._operations.stages.demote(reference, reason=_REASON)
            self._operations.retention.delete(reference, reason=_REASON)
        self._marks.set(self._origin, number, {"gone": True})
        self._reporting.count(RegistryPart.TOMBSTONE, Fate.CARRIED)

    def _present(self, reference: str) -> Carried:
        """Return a version as it is here, which an interrupted run created.

        Raises:
            VersionInUseError: Somebody else registered it.
        """
        if not self._is_theirs(reference):
            raise VersionInUseError(
                "somebody registered another version under this number here",
                field="version",
                value=reference,
                remedy="Import into a model that nobody else registers versions of",
            )
        version = self._operations.versions.get(reference)
        return {
            "description": version.description or "",
            "tags": dict(version.tags),
            "stage": version.stage,
        }

    def _is_theirs(self, reference: str) -> bool:
        """Return whether an import from this origin made a version."""
        source = self._operations.sealing.source(reference)
        return source is not None and (source.claimed or {}).get("origin") == self._marks.origin

    def _describe(
        self,
        reference: str,
        number: int | None,
        last: Carried,
        description: str,
        tags: Mapping[str, str],
    ) -> None:
        had: Mapping[str, str] = last["tags"]
        operations = self._operations
        for key in had.keys() - tags.keys():
            with suppress(NotFoundError):
                operations.tags.delete_tag(reference, key)
        for key, value in tags.items():
            if had.get(key) != value:

                def change(key: str = key, value: str = value) -> None:
                    operations.tags.set_tag(reference, key, value)

                self._try(RegistryPart.TAG, number, key, change)
        if description != last["description"]:
            update: Callable[..., Any] = (
                operations.models.update_model if number is None else operations.versions.update
            )
            update(reference, description=description or None)

    def _move(self, version: OriginVersion, reference: str, stage: str) -> None:
        def move() -> None:
            if stage == NO_STAGE:
                self._operations.stages.demote(reference, reason=_REASON)
            else:
                self._operations.stages.promote(reference, stage, reason=_REASON)
            self._reporting.count(RegistryPart.STAGE, Fate.CARRIED)

        self._try(RegistryPart.STAGE, version.number, version.stage, move)

    def _set_alias(self, alias: str, number: int) -> bool:
        def point() -> None:
            self._operations.aliases.set_alias(self._name, alias, number, reason=_REASON)
            self._reporting.count(RegistryPart.ALIAS, Fate.CARRIED)

        return self._try(RegistryPart.ALIAS, number, alias, point)

    def _try(
        self, part: RegistryPart, number: int | None, name: str | None, change: Callable[[], None]
    ) -> bool:
        try:
            change()
        except (RefusedError, InvalidInputError, NotFoundError) as error:
            self._reporting.refuse(
                part, error.message, model=self._origin, version=number, name=name
            )
            return False
        return True
