"""The files of versions: list, read, pull, verify and load them."""

from collections.abc import Iterator
from datetime import timedelta

from pedigree.artifacts.objects import ReadableStore
from pedigree.artifacts.presign import file_of, presign
from pedigree.artifacts.records import Manifest, ManifestFile
from pedigree.artifacts.store import get_manifest
from pedigree.catalog.blob_access import keys_of
from pedigree.catalog.files import FileOperations, Located
from pedigree.catalog.records import ModelVersion
from pedigree.catalog.sealed import sealed_digest
from pedigree.contract.artifacts import ArtifactContract
from pedigree.contract.versions import VersionContract
from pedigree.postgres.transaction import Transaction
from pedigree.registry.context import Context
from pedigree.registry.reads import note_download


class ArtifactOperations(FileOperations, ArtifactContract):
    """The files of versions: list, read, pull, verify and load them.

    Args:
        context: The database, the store and the principal.
        versions: The operations on versions.
        notes_reads: Whether a read of bytes is an event. Checks of the registry itself are none:
            their verdicts are.
    """

    def __init__(
        self, context: Context, versions: VersionContract, *, notes_reads: bool = True
    ) -> None:
        self._context = context
        self._versions = versions
        self._notes_reads = notes_reads
        self._cache = context.cache

    def manifest(self, reference: str) -> Manifest:
        return self._context.read_version(
            reference,
            lambda transaction, version: get_manifest(transaction, sealed_digest(version)),
        )

    def presign(
        self, reference: str, path: str | None = None, *, expires: timedelta = timedelta(hours=1)
    ) -> dict[str, str]:
        version, manifest, keys = self._located(reference)
        urls = presign(self._context.store, manifest, keys, path, expires)
        self._note_download(version)
        return urls

    def stream(
        self, reference: str, path: str, *, start: int = 0
    ) -> tuple[ManifestFile, Iterator[bytes]]:
        version, manifest, keys = self._located(reference)
        file = file_of(manifest, path)
        self._note_download(version)
        # A store refuses a range that starts after the end of the file.
        chunks = (
            self._context.store.stream(keys[file.digest], start=start) if start < file.size else ()
        )
        return file, iter(chunks)

    def _find(self, reference: str) -> ModelVersion:
        return self._versions.get(reference)

    def _note_download(self, version: ModelVersion) -> None:
        if self._notes_reads:
            note_download(self._context, version)

    @property
    def _readable(self) -> ReadableStore:
        return self._context.store

    def _located(self, reference: str) -> Located:
        def read(transaction: Transaction, version: ModelVersion) -> Located:
            manifest = get_manifest(transaction, sealed_digest(version))
            keys = keys_of(transaction, version, {file.digest for file in manifest.files})
            return Located(version, manifest, keys)

        return self._context.read_version(reference, read)
