"""The files of versions: list, read, pull, verify and load them."""

from collections.abc import Collection, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Protocol

from pedigree.artifacts._progress import Progress
from pedigree.artifacts.records import Manifest, ManifestFile
from pedigree.catalog.snippets import Snippets


class ArtifactContract(Protocol):
    """The files of versions: list, read, pull, verify and load them."""

    def manifest(self, reference: str) -> Manifest:
        """Return the list of a version's files."""

    def presign(
        self, reference: str, path: str | None = None, *, expires: timedelta = timedelta(hours=1)
    ) -> dict[str, str]:
        """Return URLs by which anybody can read a version's files for a while, by path.

        Args:
            reference: The version.
            path: One file of it; all of them when None.
            expires: How long the URLs hold, up to seven days.

        Raises:
            NotFoundError: The version has no such file.
            InvalidInputError: The time is none that stores accept.
            UnsupportedByStoreError: A folder has no URLs.
        """

    def stream(
        self, reference: str, path: str, *, start: int = 0
    ) -> tuple[ManifestFile, Iterator[bytes]]:
        """Return one of a version's files, and its bytes from a place on, piece by piece.

        They are verified by no one on the way: whoever takes them has the file's digest.

        Raises:
            NotFoundError: The version has no such file.
            CorruptionError: The bytes are gone.
        """

    def pull(
        self, reference: str, destination: Path | str, *, progress: Progress | None = None
    ) -> Manifest:
        """Write a version's files into a folder, verified while they stream.

        Files that are there and right are left alone, and a pull that was interrupted goes on; no
        partial file gets its final name. Bytes of a store elsewhere are kept in the cache.

        Args:
            reference: The version.
            destination: A folder, or a path where none is yet.
            progress: Told how many bytes of how many are there.

        Raises:
            VersionNotFoundError: It was deleted, and its bytes were collected meanwhile.
            CorruptionError: Bytes are not what their digest says, or are gone.
            StoreUnavailableError: The store failed; the next pull goes on from there.
        """

    def verify(self, reference: str) -> Manifest:
        """Read every byte of a version again and compare its digests.

        Raises:
            CorruptionError: Bytes are not what their digest says, or are gone.
        """

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

    def folder(self, reference: str) -> Path:
        """Return a folder with a version's files, in the cache: to be read, not to be edited.

        It stays at least until the registry is closed.

        Raises:
            CorruptionError: Bytes are not what their digest says, or are gone.
        """

    def snippets(self, reference: str) -> Snippets:
        """Return the lines that load and serve a version: Python, CLI, curl and Dagster."""
