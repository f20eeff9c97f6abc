"""Bodies of any size as files: hashed and written to a temporary file while they arrive."""

import hashlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import BinaryIO
from uuid import uuid4

from fastapi import Request
from starlette.concurrency import run_in_threadpool

from pedigree.artifacts.records import Blob
from pedigree.errors import StoreUnavailableError
from pedigree.server.http.bodies import SMALL_FILE_BYTES

# Small chunks are buffered to this size before a thread writes them.
_PIECE = 1 << 20


def is_small(request: Request) -> bool:
    """Return whether a request says that its body fits into memory."""
    length = request.headers.get("content-length", "")
    return length.isdecimal() and int(length) <= SMALL_FILE_BYTES


@asynccontextmanager
async def received_file(
    request: Request, home: Path, *, most: int | None = None
) -> AsyncIterator[tuple[Path, Blob]]:
    """Yield a temporary file with the body's bytes, named by a UUID, and what they are.

    No thread or connection waits while the body arrives.

    Args:
        request: The request.
        home: The home folder of the service.
        most: A body of more bytes is not read further.

    Raises:
        StoreUnavailableError: The disk of the home folder fails.
    """
    path = home / "incoming" / str(uuid4())
    try:
        file = await run_in_threadpool(_open, path)
        try:
            blob = await _write(request, file, most)
        finally:
            file.close()
        yield path, blob
    except OSError as error:
        raise StoreUnavailableError(
            f"the service cannot store the received bytes: {error.strerror}",
            remedy="Check that the disk of PEDIGREE_HOME has free space",
        ) from error
    finally:
        path.unlink(missing_ok=True)


def _open(path: Path) -> BinaryIO:
    path.parent.mkdir(parents=True, exist_ok=True)
    return path.open("xb", buffering=0)


async def _write(request: Request, file: BinaryIO, most: int | None) -> Blob:
    sha256, received, gathered = hashlib.sha256(), 0, bytearray()

    def write(piece: bytes) -> None:
        sha256.update(piece)
        file.write(piece)

    async for chunk in request.stream():
        received += len(chunk)
        if most is not None and received > most:
            break
        gathered += chunk
        if len(gathered) >= _PIECE:
            await run_in_threadpool(write, bytes(gathered))
            gathered.clear()
    await run_in_threadpool(write, bytes(gathered))
    return Blob(f"sha256:{sha256.hexdigest()}", received)
