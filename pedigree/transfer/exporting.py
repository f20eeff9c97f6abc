"""Carries the models of a registry of ours to MLflow."""

from collections.abc import Iterator
from typing import Protocol

from pedigree.artifacts._verified import verified
from pedigree.artifacts.records import ManifestFile
from pedigree.contract.registry import RegistryContract
from pedigree.errors import OriginRefusedError
from pedigree.transfer.outgoing import (
    OutgoingModel,
    OutgoingVersion,
    outgoing_model,
    outgoing_versions,
)
from pedigree.transfer.planning import WantedModels
from pedigree.transfer.report import Fate, RegistryPart, Reporting, TransferReport


class OutgoingFiles(Protocol):
    """The files of a version."""

    def files(self) -> tuple[ManifestFile, ...]:
        """Return them, without their bytes."""

    def chunks(self, file: ManifestFile) -> Iterator[bytes]:
        """Yield the bytes of one."""


class Destination(Protocol):
    """Where models go. Each method may be repeated, and then changes only what differs.

    All raise :class:`OriginRefusedError` for what the destination does not take, and
    :class:`OriginUnavailableError` if it does not answer.
    """

    @property
    def uri(self) -> str:
        """Its address, without credentials."""

    def put_model(self, model: OutgoingModel) -> Fate:
        """Create or describe a model, without its versions."""

    def put_version(self, version: OutgoingVersion, files: OutgoingFiles) -> Fate:
        """Create a version with its number, after those with lower ones, or describe it."""

    def put_aliases(self, model: OutgoingModel) -> Fate:
        """Set the aliases of a model whose versions are there, and remove others."""


class RegistryFiles:
    """The files of a version in a registry of ours, each of which is read as a stream."""

    def __init__(self, registry: RegistryContract, reference: str) -> None:
        self._registry = registry
        self._reference = reference

    def files(self) -> tuple[ManifestFile, ...]:
        """Return them, without their bytes."""
        return tuple(self._registry.manifest(self._reference).files)

    def chunks(self, file: ManifestFile) -> Iterator[bytes]:
        """Yield the bytes of one.

        Raises:
            CorruptionError: They do not match the digest.
        """
        read = self._registry.stream(self._reference, file.path)[1]
        return verified(read, file.digest, f"{self._reference}: {file.path}")


def export_to(
    registry: RegistryContract, destination: Destination, wanted: WantedModels
) -> TransferReport:
    """Carry models with their versions, and return the report.

    A further run goes on where an earlier one ended, and brings what is new or changed since.

    Raises:
        OriginUnavailableError: The destination does not answer.
    """
    reporting = Reporting()
    for model in registry.each_model():
        if wanted.takes(model.name):
            _carry(registry, outgoing_model(model), destination, reporting)
    return reporting.made(destination.uri, dry_run=False)


def _carry(
    registry: RegistryContract, model: OutgoingModel, destination: Destination, reporting: Reporting
) -> None:
    try:
        reporting.count(RegistryPart.MODEL, destination.put_model(model))
    except OriginRefusedError as error:
        reporting.refuse(RegistryPart.MODEL, error.message, model=model.name)
        return
    for version in outgoing_versions(registry, model.name, reporting):
        try:
            files = RegistryFiles(registry, version.reference)
            reporting.count(RegistryPart.VERSION, destination.put_version(version, files))
        except OriginRefusedError as error:
            reporting.refuse(
                RegistryPart.VERSION, error.message, model=model.name, version=version.number
            )
    try:
        reporting.count(RegistryPart.ALIAS, destination.put_aliases(model), len(model.aliases))
    except OriginRefusedError as error:
        reporting.refuse(RegistryPart.ALIAS, error.message, model=model.name)
