"""The intake of small artifacts, for every store: read into memory once, then put."""

from collections.abc import Sequence

from pedigree.artifacts.objects import ObjectStore
from pedigree.artifacts.paths import SourceFile
from pedigree.artifacts.records import Blob, Digest, digest_of

# Artifacts up to this size are held in memory: their digests are known before anything is written,
# so one transaction both announces the upload and finds the missing blobs.
LARGEST_HELD = 4 << 20


def held(store: ObjectStore, sources: Sequence[SourceFile]) -> "HeldIntake | None":
    """Return an intake that holds the files in memory; None if they are too large for that."""
    small = sum(source.size for source in sources) <= LARGEST_HELD
    return HeldIntake(store) if small else None


class HeldIntake:
    """Holds the bytes of a few files between ``take`` and ``keep``."""

    reads_again = False
    writes_early = False

    def __init__(self, store: ObjectStore) -> None:
        self._store = store
        self._contents: dict[Digest, bytes] = {}

    def take(self, source: SourceFile) -> Blob:
        """Read the file and hash it."""
        with source.reading() as reader:
            content = reader.read(source.size)
        digest = digest_of(content)
        self._contents[digest] = content
        return Blob(digest, len(content))

    def keep(self, source: SourceFile, digest: Digest, key: str) -> None:  # noqa: ARG002
        """Put the bytes in memory; they cannot have changed since the read."""
        self._store.put(key, self._contents[digest])

    def close(self) -> None:
        """Drop the bytes."""
        self._contents.clear()
