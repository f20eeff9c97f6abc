"""Use a cache that others use as well: ``python -m … FOLDER LIMIT SEED ROUNDS``.

The blobs are made of their number, so that every user knows what they must be.
"""

import os
import random
import sys
from collections.abc import Iterator
from pathlib import Path

from pedigree.artifacts._partial import Source
from pedigree.artifacts.cache import BlobCache
from pedigree.artifacts.records import digest_of

BLOBS = 12
SIZE = 50_000


def blob(number: int) -> bytes:
    return bytes([number]) * SIZE


def source_of(number: int) -> Source:
    def source(start: int) -> Iterator[bytes]:
        for place in range(start, SIZE, 10_000):
            yield blob(number)[place : place + 10_000]

    return source


def use(cache: BlobCache, number: int, *, linked: bool) -> None:
    digest = digest_of(blob(number))
    if not linked:
        read = b"".join(cache.source(digest, SIZE, source_of(number))(0))
        assert read == blob(number)
        return
    with cache.artifact(digest) as path:
        folder = os.open(path, os.O_RDONLY)
        try:
            cache.link(digest, SIZE, source_of(number), "model.bin", folder)
            assert (path / "model.bin").read_bytes() == blob(number)
        finally:
            os.close(folder)


if __name__ == "__main__":
    folder, limit, seed, rounds = sys.argv[1:]
    chance = random.Random(int(seed))
    cache = BlobCache(Path(folder), int(limit))
    for _ in range(int(rounds)):
        use(cache, chance.randrange(BLOBS), linked=chance.random() < 0.5)
