"""The bytes of versions: list them, and say where they lie."""

from collections.abc import Iterator
from datetime import timedelta

from pedigree.artifacts.objects import ReadableStore
from pedigree.artifacts.presign import file_of, presign
from pedigree.artifacts.records import Manifest, ManifestFile
from pedigree.artifacts.statistics import RegistryStatistics, statistics
from pedigree.artifacts.store import get_manifest
from pedigree.catalog.files import FileOperations, Located
from pedigree.catalog.records import ModelVersion
from pedigree.postgres.transaction import Transaction
from pedigree.registry._session import keys_of
from pedigree.registry.versions import ReadingOperations


class ArtifactOperations(ReadingOperations, FileOperations):
    """Verbs for the files of versions."""

    def manifest(self, reference: str) -> Manifest:
        """Return the list of a version's files."""
        return self._read_version(
            reference, lambda transaction, version: get_manifest(transaction, version.digest)
        )

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
        _, manifest, keys = self._located(reference)
        return presign(self.store, manifest, keys, path, expires)

    def stream(
        self, reference: str, path: str, *, start: int = 0
    ) -> tuple[ManifestFile, Iterator[bytes]]:
        """Return one of a version's files, and its bytes from a place on, piece by piece.

        They are verified by no one on the way: whoever takes them has the file's digest.

        Raises:
            NotFoundError: The version has no such file.
            CorruptionError: The bytes are gone.
        """
        _, manifest, keys = self._located(reference)
        file = file_of(manifest, path)
        # Of a place behind its end a store has nothing to give.
        chunks = self.store.stream(keys[file.digest], start=start) if start < file.size else ()
        return file, iter(chunks)

    def stats(self) -> RegistryStatistics:
        """Count models, versions, files, and the bytes that are referred to and stored."""
        return statistics(self.database)

    @property
    def _readable(self) -> ReadableStore:
        return self.store

    def _located(self, reference: str) -> Located:
        def read(transaction: Transaction, version: ModelVersion) -> Located:
            manifest = get_manifest(transaction, version.digest)
            keys = keys_of(transaction, version, {file.digest for file in manifest.files})
            return Located(version, manifest, keys)

        return self._read_version(reference, read)
