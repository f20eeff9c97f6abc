"""Uploads: the files of a version, sent one by one before its registration."""

from typing import Annotated
from uuid import UUID

from fastapi import Path, Request
from pydantic import Field
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response

from pedigree._record import Record
from pedigree.access.records import Permission
from pedigree.artifacts.records import DIGEST_PATTERN, UploadSession, WantedFile
from pedigree.artifacts.sessions import require_content
from pedigree.contract import paths
from pedigree.contract.forms import MOST_FILES
from pedigree.server.http.auth import Caller, requires
from pedigree.server.http.fair_use import Use
from pedigree.server.http.parameters import Name
from pedigree.server.http.received_files import is_small, received_file
from pedigree.server.http.requests import ReadCall, WriteCall
from pedigree.server.http.resources import resource

router = resource("uploads")

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
    if is_small(request):
        content = await request.body()
        await run_in_threadpool(
            registry.operations.uploads.keep_content, name, upload_id, digest, content
        )
        return Response(status_code=204)
    wanted = await run_in_threadpool(
        registry.operations.uploads.wanted_file, name, upload_id, digest
    )
    if not wanted.stored:
        home = registry.settings.home_folder
        async with received_file(request, home, most=wanted.size) as (received, blob):
            require_content(wanted, blob)
            await run_in_threadpool(
                registry.operations.uploads.keep_file, upload_id, wanted, received
            )
    return Response(status_code=204)


@router.delete(paths.UPLOAD, status_code=204)
@requires(Permission.REGISTER)
def end_upload(call: WriteCall, name: Name, upload_id: UploadId) -> Response:
    """End an upload; an upload that has already ended stays unchanged."""
    return call.write(lambda registry: registry.end_upload(name, upload_id))
