"""The files of versions: list, read, pull, verify and load them."""

from collections.abc import Collection, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Protocol, TypeAlias

from pydantic import Field

from pedigree.artifacts._progress import Progress
from pedigree.artifacts.records import Manifest, ManifestFile
from pedigree.catalog.snippets import Snippets

Offset: TypeAlias = Annotated[int, Field(ge=0, lt=2**63)]


class ArtifactContract(Protocol):
    """The files of versions: list, read, pull, verify and load them."""

    def manifest(self, reference: str) -> Manifest:
        """Return a version's manifest: the list of its files."""

    def presign(
        self, reference: str, path: str | None = None, *, expires: timedelta = timedelta(hours=1)
    ) -> dict[str, str]:
        """Return presigned URLs of a version's files, by path; anyone can read from them.

        Args:
            reference: The version.
            path: One file; all files when None.
            expires: How long the URLs are valid, up to seven days.

        Raises:
            NotFoundError: The version has no such file.
            InvalidInputError: The store does not accept this time.
            UnsupportedByStoreError: The store is a folder, which has no URLs.
        """

    def stream(
        self, reference: str, path: str, *, start: Offset = 0
    ) -> tuple[ManifestFile, Iterator[bytes]]:
        """Return a version's file and an iterator over its bytes from an offset.

        The bytes are not verified on the way: the caller compares them with the file's digest.

        Raises:
            NotFoundError: The version has no such file.
            CorruptionError: The bytes are gone.
        """

    def pull(
        self,
        reference: str,
        destination: Path | str,
        *,
        progress: Progress | None = None,
        force: bool = False,
    ) -> Manifest:
        """Write a version's files into a folder, and verify them while they stream.

        Correct files that are already there stay, and an interrupted pull resumes. No partial file
        gets its final name. Files that a pull wrote are replaced, other files are not. Bytes of a
        remote store stay in the cache.

        Args:
            reference: The version.
            destination: A folder, or a path where nothing exists yet.
            progress: Called with the number of bytes written and the total.
            force: Replace also files that no pull wrote, or that were edited since.

        Raises:
            FileConflictError: Files that no pull wrote are in the way, or a hidden folder of
                somebody else, such as ``.git``; nothing was written.
            VersionNotFoundError: The version was deleted, and its bytes were collected.
            CorruptionError: Bytes are not what their digest says, or are gone.
            StoreUnavailableError: The store failed; the next pull resumes from there.
        """

    def verify(self, reference: str) -> Manifest:
        """Read every byte of a version again and compare its digests.

        Raises:
            CorruptionError: Bytes are not what their digest says, or are gone.
        """

    def load(self, reference: str, *, trust: Collection[str] = ()) -> object:
        """Load a version's model by its flavor, and return it.

        Args:
            reference: The version.
            trust: What may run while the model loads, beyond what the flavor trusts: full names of
                types, or ``pickle`` or ``mlflow`` for a format that runs arbitrary code.

        Raises:
            UntrustedModelError: Loading would run code that neither the flavor nor ``trust``
                allows; nothing was run.
            MissingDependencyError: The flavor's library is not installed.
            CacheUnavailableError: The cache cannot be written.
        """

    def folder(self, reference: str) -> Path:
        """Return a read-only folder with a version's files, in the cache.

        It stays at least until the registry is closed.

        Raises:
            CorruptionError: Bytes are not what their digest says, or are gone.
            CacheUnavailableError: The cache cannot be written.
        """

    def snippets(self, reference: str) -> Snippets:
        """Return code that loads and serves a version: Python, CLI, curl and Dagster."""
