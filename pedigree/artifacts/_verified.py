"""Streams of bytes that end only if they have the expected digest."""

import hashlib
from collections.abc import Iterator

from pedigree.artifacts.records import Digest
from pedigree.errors import CorruptionError


def verified(chunks: Iterator[bytes], digest: Digest, name: str) -> Iterator[bytes]:
    """Yield the chunks; raise at the end if they do not have the digest.

    Raises:
        CorruptionError: They have another digest.
    """
    sha256 = hashlib.sha256()
    for chunk in chunks:
        sha256.update(chunk)
        yield chunk
    require_digest(f"sha256:{sha256.hexdigest()}", digest, name)


def require_digest(found: Digest, digest: Digest, name: str) -> None:
    """Raise :class:`CorruptionError` if the bytes of a name have another digest."""
    if found != digest:
        raise CorruptionError(
            f"the bytes of {name!r} in the store do not have the digest {digest}",
            field="digest",
            value=found,
            remedy="Restore the object from a backup, or publish the same bytes again",
        )
