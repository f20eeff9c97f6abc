"""The bytes of versions: list, pull, verify and load them."""

from collections.abc import Collection
from pathlib import Path

from pedigree.artifacts.pull import pull, verify
from pedigree.artifacts.records import Manifest
from pedigree.artifacts.store import (
    get_manifest,
    locate,
)
from pedigree.catalog.records import ModelVersion
from pedigree.flavors.plugins import get_flavor
from pedigree.postgres.transaction import Transaction
from pedigree.registry.reading import ReadingVerbs


class ArtifactVerbs(ReadingVerbs):
    """Verbs for the files of versions."""

    def manifest(self, reference: str) -> Manifest:
        """Return the list of a version's files."""
        return self._with_version(
            reference, lambda transaction, version: get_manifest(transaction, version.digest)
        )

    def pull(self, reference: str, destination: Path | str) -> Manifest:
        """Write a version's files into a folder, verified while they stream.

        Files that are there and right are left alone; no partial file gets its final name.

        Raises:
            CorruptionError: Bytes are not what their digest says, or are gone.
        """
        manifest, keys = self._located(reference)
        pull(self.store, manifest, keys, Path(destination))
        return manifest

    def verify(self, reference: str) -> Manifest:
        """Read every byte of a version again and compare its digests.

        Raises:
            CorruptionError: Bytes are not what their digest says, or are gone.
        """
        manifest, keys = self._located(reference)
        verify(self.store, manifest, keys)
        return manifest

    def load(self, reference: str, *, trust: Collection[str] = ()) -> object:
        """Return the model itself, loaded by its flavor.

        Args:
            reference: The version.
            trust: The names of what may run while it is loaded, beyond what the flavor vouches
                for: full names of types, or ``pickle`` or ``mlflow`` for a format that runs
                whatever its maker wrote.

        Raises:
            UntrustedModelError: Loading would run what neither the flavor nor ``trust`` vouches
                for; nothing was run.
            MissingDependencyError: The flavor's library is not installed.
        """
        version = self.get(reference)
        folder = self.settings.home_folder / "cache" / version.digest.removeprefix("sha256:")
        self.pull(version.reference, folder)
        return get_flavor(version.flavor).load(folder, trust=trust)

    def _located(self, reference: str) -> tuple[Manifest, dict[str, str]]:
        def read(
            transaction: Transaction, version: ModelVersion
        ) -> tuple[Manifest, dict[str, str]]:
            manifest = get_manifest(transaction, version.digest)
            return manifest, locate(transaction, {file.digest for file in manifest.files})

        return self._with_version(reference, read)
