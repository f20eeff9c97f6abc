"""Reading small artifacts into memory: they are hashed there, and need no second read."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

from pedigree.artifacts._progress import Meter, Progress
from pedigree.artifacts.paths import scan
from pedigree.artifacts.records import Blob, Digest, ManifestFile, digest_of

# Artifacts up to this size are held in memory: their digests are known before anything is written.
LARGEST_HELD = 4 << 20


class HeldArtifact(NamedTuple):
    """The files of a small artifact, and their bytes by their digests."""

    files: tuple[ManifestFile, ...]
    contents: Mapping[Digest, bytes]


def held(path: Path, progress: Progress | None) -> HeldArtifact | None:
    """Read the files at a path into memory; return None if they are too large for that.

    Raises:
        InvalidArtifactError: The path is refused by :func:`pedigree.artifacts.paths.scan`, or a
            file changed while it was read.
    """
    sources = scan(path)
    size = sum(source.size for source in sources)
    if size > LARGEST_HELD:
        return None
    meter = Meter(progress)
    meter.expect(size)
    files, contents = [], {}
    for source in sources:
        with replace(source, watch=meter.add).reading() as reader:
            content = reader.read(source.size)
        digest = digest_of(content)
        contents[digest] = content
        files.append(ManifestFile.of(source.path, Blob(digest, len(content))))
    return HeldArtifact(tuple(files), contents)
