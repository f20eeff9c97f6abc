"""The files of a version, listed and downloaded."""

import re
from base64 import b64encode
from datetime import timedelta
from typing import Annotated

from fastapi import Header, Path, Query
from starlette.exceptions import HTTPException
from starlette.responses import RedirectResponse, Response, StreamingResponse

from pedigree.access.records import Permission
from pedigree.artifacts.presign import file_of
from pedigree.artifacts.records import Manifest, ManifestFile
from pedigree.catalog.snippets import Snippets
from pedigree.contract import paths
from pedigree.errors import UnsupportedByStoreError
from pedigree.server.http.auth import requires
from pedigree.server.http.parameters import Name, Number
from pedigree.server.http.requests import ReadCall
from pedigree.server.http.resources import resource

router = resource("files")

# Long enough to begin a download; a download that has begun may take longer.
_URL_LIFETIME = timedelta(minutes=15)
_BYTES = "application/octet-stream"
_FROM = re.compile(r"bytes=([0-9]{1,18})-")
FilePath = Annotated[
    str, Path(min_length=1, max_length=1024, description="The path in the manifest")
]
Range = Annotated[
    str | None,
    Header(max_length=100, pattern=r"^[\x21-\x7e]+$", description="bytes=N- continues from byte N"),
]
IfRange = Annotated[
    str | None,
    Header(
        max_length=200,
        pattern=r"^[\x21-\x7e]+( [\x21-\x7e]+)*$",
        description="Continue only a file of this ETag, else send all of it",
    ),
]


@router.get(paths.FILES, responses={200: {"model": Manifest}})
@requires(Permission.READ)
def list_files(call: ReadCall, name: Name, version: Number) -> Response:
    """List a version's files, with the size and digest of each."""
    return call.answer(call.registry.manifest(f"{name}/{version}"))


@router.get(paths.URLS, responses={200: {"model": dict[str, str]}})
@requires(Permission.READ)
def sign_urls(
    call: ReadCall,
    *,
    name: Name,
    version: Number,
    path: Annotated[
        str | None, Query(min_length=1, max_length=1024, description="One file")
    ] = None,
    expires: Annotated[float, Query(ge=1, le=604_800, description="Seconds")] = 3600,
) -> Response:
    """Return presigned URLs of a version's files, by path; anyone can read from them."""
    lifetime = timedelta(seconds=expires)
    return call.answer(call.registry.presign(f"{name}/{version}", path, expires=lifetime))


@router.get(
    paths.DOWNLOAD,
    responses={
        200: {"content": {"application/octet-stream": {}}, "description": "The file's bytes"},
        206: {"content": {"application/octet-stream": {}}, "description": "From byte N on"},
        307: {"description": "The bytes are at a URL of the store, which needs no token"},
    },
    response_class=Response,
)
@requires(Permission.READ)
def download(
    call: ReadCall,
    *,
    name: Name,
    version: Number,
    path: FilePath,
    range: Range = None,
    if_range: IfRange = None,
) -> Response:
    """Send a file of a version, or redirect to its URL in the store."""
    reference = f"{name}/{version}"
    if call.is_conditional and call.knows(etag := _etag_of(call, reference, path)):
        return call.unchanged(etag)
    try:
        (url,) = call.registry.presign(reference, path, expires=_URL_LIFETIME).values()
    except UnsupportedByStoreError:
        return _streamed(call, reference, path, range, if_range)
    return RedirectResponse(url, headers={"Cache-Control": "no-store"})


@router.get(paths.SNIPPETS, tags=["provenance"], responses={200: {"model": Snippets}})
@requires(Permission.READ)
def get_snippets(call: ReadCall, name: Name, version: Number) -> Response:
    """Return code that loads and serves a version: Python, CLI, curl and Dagster."""
    return call.answer(call.registry.snippets(f"{name}/{version}"))


def _streamed(
    call: ReadCall, reference: str, path: str, range: str | None, if_range: str | None
) -> Response:
    asked = _FROM.fullmatch(range or "")
    if asked and if_range is not None and if_range != _etag_of(call, reference, path):
        asked = None
    start = int(asked[1]) if asked else 0
    file, chunks = call.registry.stream(reference, path, start=start)
    if start >= file.size and start > 0:
        message = f"the file has {file.size} bytes"
        raise HTTPException(416, message, {"Content-Range": f"bytes */{file.size}"})
    headers = {**_headers(file), "Content-Length": str(file.size - start)}
    if asked:
        headers["Content-Range"] = f"bytes {start}-{file.size - 1}/{file.size}"
    status = 206 if asked else 200
    if call.is_head:
        return Response(None, status, headers, media_type=_BYTES)
    # It holds no thread between two chunks, and never a connection.
    return StreamingResponse(chunks, status, headers, media_type=_BYTES)


def _etag_of(call: ReadCall, reference: str, path: str) -> str:
    return _etag(file_of(call.registry.manifest(reference), path))


def _etag(file: ManifestFile) -> str:
    return f'"{file.digest}"'


def _headers(file: ManifestFile) -> dict[str, str]:
    hexadecimal = file.digest.removeprefix("sha256:")
    return {
        "ETag": _etag(file),
        "Accept-Ranges": "bytes",
        "Repr-Digest": f"sha-256=:{b64encode(bytes.fromhex(hexadecimal)).decode()}:",
        # A browser must not show the bytes as a page or run them as a script.
        "Content-Disposition": "attachment",
        "Cache-Control": "private, no-cache",
    }
