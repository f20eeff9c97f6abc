"""Bodies that have a JSON document and the bytes of small files (multipart/form-data, RFC 7578).

One part is the document. Each other part is a file, and its name is the digest.
"""

from collections.abc import Mapping
from typing import Annotated, Any, NamedTuple

from fastapi import Depends
from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request

from pedigree.artifacts.records import DIGEST_PATTERN, Digest, is_digest
from pedigree.contract.forms import DOCUMENT, MOST_FILES, MOST_SENT_BYTES
from pedigree.errors import TooLargeError
from pedigree.server.http.bodies import MOST_JSON_BYTES
from pedigree.server.http.inputs import UnusableRequestError

FORM = "multipart/form-data"

MOST_FORM_BYTES = MOST_JSON_BYTES + MOST_SENT_BYTES + (1 << 20)
"""The document, the files, and the headers of the parts."""

# A larger body is parsed in a thread.
_SMALL = 128 << 10


class Form(NamedTuple):
    """The document and the files of a body; nobody has compared the files with their digests."""

    document: bytes
    files: Mapping[Digest, bytes]


def sent_files(request: Request) -> Mapping[Digest, bytes]:
    """Return the files that a request has next to its document."""
    found: Mapping[Digest, bytes] = getattr(request.state, "files", {})
    return found


# Asynchronous even without an await: a synchronous dependency would take a thread for each request.
async def _files_of(request: Request) -> Mapping[Digest, bytes]:
    return sent_files(request)


SentFiles = Annotated[Mapping[Digest, bytes], Depends(_files_of)]
"""The files that a request has next to its document."""


def form_content(document: str) -> dict[str, Any]:
    """Return the OpenAPI description of a form.

    Args:
        document: The name of the schema of its document.
    """
    file = {"type": "string", "format": "binary"}
    return {
        "schema": {
            "type": "object",
            "description": f"The JSON, and each file by its digest: {MOST_SENT_BYTES >> 20} MiB"
            " together",
            "required": [DOCUMENT],
            "properties": {DOCUMENT: {"$ref": f"#/components/schemas/{document}"}},
            "patternProperties": {DIGEST_PATTERN: file},
            "additionalProperties": False,
        },
        "encoding": {DOCUMENT: {"contentType": "application/json"}},
    }


def is_form(request: Request) -> bool:
    """Return whether a request states that its body is a form."""
    kind = request.headers.get("content-type", "").partition(";")[0]
    return kind.strip().lower() == FORM


async def with_document(request: Request) -> Request:
    """Return a request whose body is only the document; its files are in ``state.files``.

    Args:
        request: A request with a received form.

    Raises:
        UnusableRequestError: The body is no form, lacks the document, or has unknown parts.
        TooLargeError: The document or the files are too large.
    """
    body = await request.body()
    kind = request.headers["content-type"]
    form = parse(kind, body) if len(body) <= _SMALL else await run_in_threadpool(parse, kind, body)
    request.state.files = form.files
    headers = [pair for pair in request.scope["headers"] if pair[0] != b"content-type"]
    scope = {**request.scope, "headers": [*headers, (b"content-type", b"application/json")]}
    received = {"type": "http.request", "body": form.document, "more_body": False}

    async def receive() -> Any:
        return received

    return Request(scope, receive)


def parse(content_type: str, body: bytes) -> Form:
    """Return the document and the files of a body.

    Raises:
        UnusableRequestError: The body is no form, lacks the document, or has unknown parts.
        TooLargeError: The document or the files are too large.
    """
    boundary = parse_options_header(content_type)[1].get(b"boundary")
    if not boundary:
        raise UnusableRequestError(
            "names no boundary",
            field="Content-Type",
            value=content_type,
            remedy=f"Send `Content-Type: {FORM}; boundary=…`",
        )
    reading = _Reading(body)
    try:
        parser = MultipartParser(boundary, reading.callbacks())  # type: ignore[arg-type]
        parser.write(body)
        parser.finalize()
    except FormParserError as error:
        raise _unusable(f"is not {FORM}: {error}") from error
    if not reading.is_complete:
        raise _unusable(f"is not complete {FORM}: the last boundary is missing")
    document = reading.parts.pop(DOCUMENT, None)
    if document is None:
        raise _unusable(f"has no part {DOCUMENT!r}")
    _require_size(DOCUMENT, len(document), MOST_JSON_BYTES)
    _require_size("the files together", sum(map(len, reading.parts.values())), MOST_SENT_BYTES)
    return Form(document, reading.parts)


class _Reading:
    """The parts of one body, as the parser finds them."""

    def __init__(self, body: bytes) -> None:
        self.parts: dict[str, bytes] = {}
        self.is_complete = False
        self._body = memoryview(body)
        self._header, self._value, self._disposition = b"", b"", b""
        self._pieces: list[memoryview] = []

    def callbacks(self) -> dict[str, Any]:
        """Return the functions that the parser calls."""
        return {
            "on_part_begin": self._begin,
            "on_header_field": self._read_header,
            "on_header_value": self._read_value,
            "on_header_end": self._end_header,
            "on_part_data": lambda _, start, end: self._pieces.append(self._body[start:end]),
            "on_part_end": self._end,
            "on_end": self._complete,
        }

    def _begin(self) -> None:
        if len(self.parts) > MOST_FILES:
            raise TooLargeError(
                f"a form has {MOST_FILES:,} files at most",
                field="body",
                remedy="Send more files through an upload",
            )
        self._pieces, self._disposition = [], b""

    def _read_header(self, data: bytes, start: int, end: int) -> None:
        self._header += data[start:end]

    def _read_value(self, data: bytes, start: int, end: int) -> None:
        self._value += data[start:end]

    def _end_header(self) -> None:
        if self._header.lower() == b"content-disposition":
            self._disposition = self._value
        self._header, self._value = b"", b""

    def _end(self) -> None:
        kind, options = parse_options_header(self._disposition)
        name = options.get(b"name", b"").decode("latin-1")
        if kind != b"form-data" or not (name == DOCUMENT or is_digest(name)):
            raise UnusableRequestError(
                f"has a part that is neither {DOCUMENT!r} nor a digest",
                field="body",
                value=name,
                remedy="Name each file `sha256:` and 64 hexadecimal digits",
            )
        if name in self.parts:
            raise UnusableRequestError(
                "has two parts of one name", field="body", value=name, remedy="Send each file once"
            )
        self.parts[name] = b"".join(self._pieces)

    def _complete(self) -> None:
        self.is_complete = True


def _require_size(what: str, size: int, most: int) -> None:
    if size > most:
        raise TooLargeError(
            f"{what}: {most >> 20} MiB at most",
            field="body",
            value=f"{size} bytes",
            remedy="Send larger files through an upload",
        )


def _unusable(message: str) -> UnusableRequestError:
    return UnusableRequestError(
        message,
        field="body",
        remedy=f"Send the part {DOCUMENT!r} with the JSON, and a part for each file, by its digest",
    )
