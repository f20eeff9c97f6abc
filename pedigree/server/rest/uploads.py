"""Uploads: the files of a version, sent one by one before its registration."""

import hashlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path as FilePath
from typing import Annotated, BinaryIO
from uuid import UUID, uuid4

from fastapi import Path, Request
from pydantic import Field
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response

from pedigree._record import Record
from pedigree.access.records import Permission
from pedigree.artifacts.records import (
    DIGEST_PATTERN,
    Blob,
    Digest,
    UploadFile,
    UploadSession,
    WantedFile,
)
from pedigree.artifacts.sessions import require_content
from pedigree.contract import paths
from pedigree.contract.forms import MOST_FILES
from pedigree.errors import StoreUnavailableError
from pedigree.registry import Registry
from pedigree.server.http.auth import Caller, requires
from pedigree.server.http.bodies import SMALL_FILE_BYTES
from pedigree.server.http.fair_use import Use
from pedigree.server.http.parameters import Name
from pedigree.server.http.requests import ReadCall, WriteCall
from pedigree.server.http.resources import resource

router = resource("uploads")

# Small chunks are buffered to this size before a thread writes them.
_PIECE = 1 << 20
UploadId = Annotated[UUID, Path(description="The upload's id")]
FileDigest = Annotated[str, Path(pattern=DIGEST_PATTERN, description="sha256:…")]


class NewUpload(Record):
    """The files of a version to register."""

    files: tuple[WantedFile, ...] = Field(min_length=1, max_length=MOST_FILES)


@router.post(paths.UPLOADS, status_code=201, responses={201: {"model": UploadSession}})
@requires(Permission.REGISTER)
def begin_upload(call: WriteCall, name: Name, new: NewUpload) -> Response:
    """Begin an upload, and return which files the registry lacks and where to send them."""
    return call.write(
        lambda registry: registry.begin_upload(name, new.files),
        status=201,
        location=lambda begun: call.path("get_upload", name=name, upload_id=begun.upload_id),
        pipelined=True,
    )


@router.get(paths.UPLOAD, responses={200: {"model": UploadSession}})
@requires(Permission.REGISTER)
def get_upload(call: ReadCall, name: Name, upload_id: UploadId) -> Response:
    """Return an upload: which files are missing, and where to send them; extends its lifetime."""
    return call.answer(call.registry.upload(name, upload_id))


@router.put(
    paths.UPLOAD_FILE,
    status_code=204,
    openapi_extra={
        "requestBody": {
            "required": True,
            "content": {
                "application/octet-stream": {"schema": {"type": "string", "format": "binary"}}
            },
        }
    },
)
@requires(Permission.REGISTER, streams=True, use=Use.UPLOADS)
async def put_file(
    request: Request, name: Name, upload_id: UploadId, digest: FileDigest
) -> Response:
    """Send the bytes of a file, which are hashed while they arrive; repeating it has no effect."""
    caller: Caller = request.state.caller
    registry = caller.registry
    if _is_small(request):
        content = await request.body()
        await run_in_threadpool(
            registry.operations.uploads.keep_content, name, upload_id, digest, content
        )
        return Response(status_code=204)
    wanted = await run_in_threadpool(
        registry.operations.uploads.wanted_file, name, upload_id, digest
    )
    if not wanted.stored:
        async with _received(request, registry, wanted) as received:
            await run_in_threadpool(
                registry.operations.uploads.keep_file, upload_id, wanted, received
            )
    return Response(status_code=204)


@router.delete(paths.UPLOAD, status_code=204)
@requires(Permission.REGISTER)
def end_upload(call: WriteCall, name: Name, upload_id: UploadId) -> Response:
    """End an upload; an upload that has already ended stays unchanged."""
    return call.write(lambda registry: registry.end_upload(name, upload_id))


@asynccontextmanager
async def _received(
    request: Request, registry: Registry, wanted: UploadFile
) -> AsyncIterator[FilePath]:
    """Yield a temporary file with the body's bytes, which match the digest.

    No thread or connection waits while the body arrives.
    """
    folder = registry.settings.home_folder / "incoming"
    path = folder / str(uuid4())
    try:
        file = await run_in_threadpool(_open, path)
        try:
            size, digest = await _write(request, file, wanted)
        finally:
            file.close()
        require_content(wanted, Blob(digest, size))
        yield path
    except OSError as error:
        raise StoreUnavailableError(
            f"the service cannot store the received bytes: {error.strerror}",
            remedy="Check that the disk of PEDIGREE_HOME has free space",
        ) from error
    finally:
        path.unlink(missing_ok=True)


def _is_small(request: Request) -> bool:
    length = request.headers.get("content-length", "")
    return length.isdecimal() and int(length) <= SMALL_FILE_BYTES


def _open(path: FilePath) -> BinaryIO:
    path.parent.mkdir(parents=True, exist_ok=True)
    return path.open("xb", buffering=0)


async def _write(request: Request, file: BinaryIO, wanted: UploadFile) -> tuple[int, Digest]:
    sha256, received, gathered = hashlib.sha256(), 0, bytearray()

    def write(piece: bytes) -> None:
        sha256.update(piece)
        file.write(piece)

    async for chunk in request.stream():
        received += len(chunk)
        if received > wanted.size:
            break
        gathered += chunk
        if len(gathered) >= _PIECE:
            await run_in_threadpool(write, bytes(gathered))
            gathered.clear()
    await run_in_threadpool(write, bytes(gathered))
    return received, f"sha256:{sha256.hexdigest()}"
