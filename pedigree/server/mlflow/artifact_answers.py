"""Answers with the bytes of a file: as a download, never as a page, with their digest."""

from base64 import b64encode
from collections.abc import Iterator
from pathlib import PurePosixPath
from typing import Protocol
from urllib.parse import quote

from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from pedigree.artifacts.records import ManifestFile
from pedigree.server.http.byte_ranges import ByteRange, UnsatisfiableRange, asked_range
from pedigree.server.http.etags import is_known
from pedigree.server.http.heads import is_head

_BYTES = "application/octet-stream"


class OpenFile(Protocol):
    """Opens a file."""

    def __call__(self, *, start: int = 0) -> tuple[ManifestFile, Iterator[bytes]]:
        """Return the file, and its bytes from an offset."""


def file_answer(request: Request, open_file: OpenFile) -> Response:
    """Answer with a file, or with the part of it that the request asks for.

    Args:
        request: The request, with the headers Range and If-Range.
        open_file: Opens the file.
    """
    file, chunks = open_file()
    etag = f'"{file.digest}"'
    headers = _headers(file, etag)
    if is_known(request.headers.get("if-none-match"), etag):
        return Response(None, 304, {"ETag": etag, "Cache-Control": headers["Cache-Control"]})
    is_same = request.headers.get("if-range") in (None, etag)
    part = asked_range(request.headers.get("range"), file.size) if is_same else None
    if isinstance(part, UnsatisfiableRange):
        return Response(None, 416, {"Content-Range": part.content_range})
    if part is not None:
        _, chunks = open_file(start=part.first)
        chunks = _first(chunks, part.size)
        headers["Content-Range"] = part.content_range(file.size)
    headers["Content-Length"] = str((part or ByteRange(0, file.size)).size)
    status = 206 if part else 200
    if is_head(request.scope):
        return Response(None, status, headers, media_type=_BYTES)
    # It holds no thread between two chunks, and never a connection.
    return StreamingResponse(chunks, status, headers, media_type=_BYTES)


def _first(chunks: Iterator[bytes], size: int) -> Iterator[bytes]:
    """Yield the first bytes of some chunks."""
    for chunk in chunks:
        yield chunk[:size]
        size -= len(chunk)
        if size <= 0:
            return


def _headers(file: ManifestFile, etag: str) -> dict[str, str]:
    hexadecimal = file.digest.removeprefix("sha256:")
    name = quote(PurePosixPath(file.path).name, safe="")
    return {
        "ETag": etag,
        "Accept-Ranges": "bytes",
        "Repr-Digest": f"sha-256=:{b64encode(bytes.fromhex(hexadecimal)).decode()}:",
        # A browser must not show the bytes as a page or run them as a script.
        "Content-Disposition": f"attachment; filename*=UTF-8''{name}",
        "X-Content-Type-Options": "nosniff",
        "Cache-Control": "private, no-cache",
    }
