"""The files of versions, from any store: pull, verify and load them."""

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
from pedigree.catalog.sealed import sealed_digest, sealed_flavor
from pedigree.catalog.snippets import Snippets, snippets_of
from pedigree.errors import CorruptionError
from pedigree.flavors.plugins import get_flavor


class Located(NamedTuple):
    """A version, its files, and the keys of their bytes."""

    version: ModelVersion
    manifest: Manifest
    keys: dict[Digest, str]


class FileOperations(ABC):
    """Operations that download the files of versions to this machine."""

    _cache: BlobCache

    @abstractmethod
    def _find(self, reference: str) -> ModelVersion:
        """Return the version that a reference names."""

    @property
    @abstractmethod
    def _readable(self) -> ReadableStore:
        """Return the store from which the bytes of versions are read."""

    @abstractmethod
    def _located(self, reference: str) -> Located:
        """Return a version with its files, and the keys of their bytes in the store."""

    @abstractmethod
    def _note_download(self, version: ModelVersion) -> None:
        """Note that the bytes of a version are about to be read by the caller."""

    def pull(
        self,
        reference: str,
        destination: Path | str,
        *,
        progress: Progress | None = None,
        force: bool = False,
    ) -> Manifest:

        located = self._located(reference)
        self._note_download(located.version)

        def bring(manifest: Manifest, keys: Mapping[str, str]) -> None:
            pull(
                self._readable,
                manifest,
                keys,
                Path(destination),
                cache=self._cache,
                progress=progress,
                force=force,
            )

        return self._with_located(located, bring)

    def verify(self, reference: str) -> Manifest:
        return self._with_located(self._located(reference), partial(verify, self._readable))

    def load(self, reference: str, *, trust: Collection[str] = ()) -> object:
        version = self._find(reference)
        digest, flavor = sealed_digest(version), get_flavor(sealed_flavor(version))
        self._note_download(version)
        with self._cache.artifact(digest) as folder:
            self._link(version.reference, folder)
            loaded = flavor.load(folder, trust=trust)
            if isinstance(loaded, Path):
                self._cache.hold(digest)
        return loaded

    def folder(self, reference: str) -> Path:
        version = self._find(reference)
        digest = sealed_digest(version)
        self._note_download(version)
        with self._cache.artifact(digest) as folder:
            self._link(version.reference, folder)
            self._cache.hold(digest)
        return folder

    def snippets(self, reference: str) -> Snippets:
        located = self._located(reference)
        return snippets_of(located.version, located.manifest)

    def _link(self, reference: str, folder: Path) -> None:
        def link(manifest: Manifest, keys: Mapping[str, str]) -> None:
            link_from_cache(self._readable, manifest, keys, self._cache, folder)

        self._with_located(self._located(reference), link)

    def _with_located(
        self, located: Located, work: Callable[[Manifest, Mapping[str, str]], None]
    ) -> Manifest:
        """Do the work with the keys of a version's blobs; retry once if they moved during it.

        The version stays the same, even if the stage or alias of the reference moves.
        """
        version, manifest, keys = located
        try:
            work(manifest, keys)
        except CorruptionError:
            keys_now = self._located(version.reference).keys
            if keys_now == keys:
                raise
            work(manifest, keys_now)
        return manifest
