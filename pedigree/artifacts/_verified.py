"""Streams of bytes that end only when they are those of a digest."""

import hashlib
from collections.abc import Iterator

from pedigree.artifacts.records import Digest
from pedigree.errors import CorruptionError


def verified(chunks: Iterator[bytes], digest: Digest, name: str) -> Iterator[bytes]:
    """Give the pieces on; raise instead of ending when they are not the digest's bytes.

    Raises:
        CorruptionError: They are not.
    """
    sha256 = hashlib.sha256()
    for chunk in chunks:
        sha256.update(chunk)
        yield chunk
    require_digest(f"sha256:{sha256.hexdigest()}", digest, name)


def require_digest(found: Digest, digest: Digest, name: str) -> None:
    """Raise :class:`CorruptionError` when the bytes of a name have another digest."""
    if found != digest:
        raise CorruptionError(
            f"the store holds other bytes of {name!r} than those of {digest}",
            field="digest",
            value=found,
            remedy="Restore the object from a backup, or publish the same bytes again",
        )
