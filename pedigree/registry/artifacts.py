"""The bytes of versions: list, pull, verify and load them."""

from collections.abc import Callable, Collection, Iterator, Mapping
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import NamedTuple

from pedigree.artifacts._progress import Progress
from pedigree.artifacts.presign import file_of, presign
from pedigree.artifacts.pull import link_from_cache, pull, verify
from pedigree.artifacts.records import Digest, Manifest, ManifestFile
from pedigree.artifacts.statistics import RegistryStatistics, statistics
from pedigree.artifacts.store import get_manifest
from pedigree.catalog.records import ModelVersion
from pedigree.errors import CorruptionError
from pedigree.flavors.plugins import get_flavor
from pedigree.postgres.transaction import Transaction
from pedigree.registry._session import keys_of
from pedigree.registry.reading import ReadingVerbs


class _Located(NamedTuple):
    """A version, its files, and where their bytes lie."""

    version: ModelVersion
    manifest: Manifest
    keys: dict[Digest, str]


class ArtifactVerbs(ReadingVerbs):
    """Verbs for the files of versions."""

    def manifest(self, reference: str) -> Manifest:
        """Return the list of a version's files."""
        return self._of_version(
            reference, lambda transaction, version: get_manifest(transaction, version.digest)
        )

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

        def bring(manifest: Manifest, keys: Mapping[str, str]) -> None:
            pull(self.store, manifest, keys, Path(destination), cache=self.cache, progress=progress)

        return self._with_located(reference, bring)

    def verify(self, reference: str) -> Manifest:
        """Read every byte of a version again and compare its digests.

        Raises:
            CorruptionError: Bytes are not what their digest says, or are gone.
        """
        return self._with_located(reference, partial(verify, self.store))

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
        with self.cache.artifact(version.digest) as folder:
            self._link(version.reference, folder)
            loaded = get_flavor(version.flavor).load(folder, trust=trust)
            if isinstance(loaded, Path):
                self.cache.hold(version.digest)
        return loaded

    def folder(self, reference: str) -> Path:
        """Return a folder with a version's files, in the cache: to be read, not to be edited.

        It stays at least until the registry is closed.

        Raises:
            CorruptionError: Bytes are not what their digest says, or are gone.
        """
        version = self.get(reference)
        with self.cache.artifact(version.digest) as folder:
            self._link(version.reference, folder)
            self.cache.hold(version.digest)
        return folder

    def _link(self, reference: str, folder: Path) -> None:
        def link(manifest: Manifest, keys: Mapping[str, str]) -> None:
            link_from_cache(self.store, manifest, keys, self.cache, folder)

        self._with_located(reference, link)

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

    def _with_located(
        self, reference: str, work: Callable[[Manifest, Mapping[str, str]], None]
    ) -> Manifest:
        """Do the work with the keys of a version's blobs, once more where they moved meanwhile.

        It stays with the version that the reference led to, though a stage or an alias moved on.
        """
        version, manifest, keys = self._located(reference)
        try:
            work(manifest, keys)
        except CorruptionError:
            keys_now = self._located(version.reference).keys
            if keys_now == keys:
                raise
            work(manifest, keys_now)
        return manifest

    def _located(self, reference: str) -> _Located:
        def read(transaction: Transaction, version: ModelVersion) -> _Located:
            manifest = get_manifest(transaction, version.digest)
            keys = keys_of(transaction, version, {file.digest for file in manifest.files})
            return _Located(version, manifest, keys)

        return self._of_version(reference, read)
