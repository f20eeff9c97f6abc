"""The upload of an artifact's files to a service: hashed here, sent only if missing there."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import TypeVar

from pedigree.artifacts._progress import Meter, Progress
from pedigree.artifacts._remote_ingest import hashed, rehashed
from pedigree.artifacts.paths import scan
from pedigree.artifacts.records import Digest, ManifestFile, WantedFile

T = TypeVar("T")
R = TypeVar("R")

_AT_ONCE = 4
_PIECE = 1 << 20


class ClientUpload:
    """The files at a path, each with its digest.

    Args:
        path: A file or a folder.
        progress: Called with the number of bytes read; sent bytes count again.

    Raises:
        InvalidArtifactError: The path is refused by :func:`pedigree.artifacts.paths.scan`, or a
            file changed while it was read.
    """

    def __init__(self, path: Path, progress: Progress | None) -> None:
        self._meter = Meter(progress)
        sources = tuple(replace(source, watch=self._meter.add) for source in scan(path))
        self._meter.expect(sum(source.size for source in sources))
        taken = self.each(sources, hashed)
        self._sources = {each.digest: one for one, each in zip(sources, taken, strict=True)}
        self.files = tuple(
            ManifestFile.of(source.path, each) for source, each in zip(sources, taken, strict=True)
        )

    @property
    def wanted(self) -> tuple[WantedFile, ...]:
        """The files that an upload must contain."""
        sizes = {digest: source.size for digest, source in self._sources.items()}
        return tuple(WantedFile(digest=digest, size=size) for digest, size in sizes.items())

    def size_of(self, digests: Iterable[Digest]) -> int:
        """Return the size of some files together, in bytes."""
        return sum(self._sources[digest].size for digest in digests)

    def contents(self, digests: Iterable[Digest]) -> dict[Digest, bytes]:
        """Return the bytes of some small files, hashed again.

        Raises:
            CorruptionError: They no longer have the digest.
        """
        return {digest: b"".join(self.content(digest)) for digest in digests}

    def content(self, digest: Digest) -> Iterator[bytes]:
        """Yield a file's bytes, hashed again on the way.

        Raises:
            CorruptionError: They no longer have the digest.
        """
        source = self._sources[digest]
        self._meter.expect(source.size)
        return rehashed(source, digest, _PIECE)

    def each(self, items: Sequence[T], work: Callable[[T], R]) -> list[R]:
        """Do the work for each item in parallel; results are in the items' order."""
        if not items:
            return []
        with ThreadPoolExecutor(min(len(items), _AT_ONCE), "pedigree-send") as pool:
            futures = [pool.submit(work, item) for item in items]
            try:
                return [future.result() for future in futures]
            finally:
                pool.shutdown(wait=False, cancel_futures=True)
