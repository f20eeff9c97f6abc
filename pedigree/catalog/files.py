"""The files of versions, wherever they are read from: pull, verify and load them."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Collection, Mapping
from functools import partial
from pathlib import Path
from typing import NamedTuple

from pedigree.artifacts._progress import Progress
from pedigree.artifacts.cache import BlobCache
from pedigree.artifacts.objects import ReadableStore
from pedigree.artifacts.pull import link_from_cache, pull, verify
from pedigree.artifacts.records import Digest, Manifest
from pedigree.catalog.records import ModelVersion
from pedigree.catalog.snippets import Snippets, snippets_of
from pedigree.errors import CorruptionError
from pedigree.flavors.plugins import get_flavor


class Located(NamedTuple):
    """A version, its files, and where their bytes lie."""

    version: ModelVersion
    manifest: Manifest
    keys: dict[Digest, str]


class FileOperations(ABC):
    """Verbs that bring the files of versions to this machine."""

    cache: BlobCache

    @abstractmethod
    def get(self, reference: str) -> ModelVersion:
        """Return the version that a reference names."""

    @property
    @abstractmethod
    def _readable(self) -> ReadableStore:
        """Where the bytes of versions are read."""

    @abstractmethod
    def _located(self, reference: str) -> Located:
        """Return a version with its files, and the keys by which the store gives their bytes."""

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
            pull(
                self._readable,
                manifest,
                keys,
                Path(destination),
                cache=self.cache,
                progress=progress,
            )

        return self._with_located(reference, bring)

    def verify(self, reference: str) -> Manifest:
        """Read every byte of a version again and compare its digests.

        Raises:
            CorruptionError: Bytes are not what their digest says, or are gone.
        """
        return self._with_located(reference, partial(verify, self._readable))

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

    def snippets(self, reference: str) -> Snippets:
        """Return the lines that load and serve a version: Python, CLI, curl and Dagster."""
        located = self._located(reference)
        return snippets_of(located.version, located.manifest)

    def _link(self, reference: str, folder: Path) -> None:
        def link(manifest: Manifest, keys: Mapping[str, str]) -> None:
            link_from_cache(self._readable, manifest, keys, self.cache, folder)

        self._with_located(reference, link)

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
