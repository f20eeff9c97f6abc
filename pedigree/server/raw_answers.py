"""Answers to connections and heads that are refused, as the bytes that go out.

No request reaches the application, so the application cannot answer.
"""

from functools import cache
from http import HTTPStatus

from pydantic_core import to_json

from pedigree.errors import (
    InvalidInputError,
    PedigreeError,
    ServiceBusyError,
    SlowRequestError,
    TooLargeError,
)
from pedigree.server.http.problems import MEDIA_TYPE, RETRY_AFTER_S, problem_of
from pedigree.server.http.security_headers import SECURITY_HEADERS
from pedigree.server.refusals import MOST_HEADER_BYTES, MOST_HEADERS, Refusal

_TOO_MANY = "Close connections that are not in use, or try again in a second"
_FEWER = "Send fewer and shorter headers"
_ERRORS: dict[Refusal, tuple[HTTPStatus, PedigreeError]] = {
    Refusal.CONNECTIONS: (
        HTTPStatus.TOO_MANY_REQUESTS,
        ServiceBusyError("the service has too many open connections", remedy=_TOO_MANY),
    ),
    Refusal.ADDRESS: (
        HTTPStatus.TOO_MANY_REQUESTS,
        ServiceBusyError("this address has too many open connections", remedy=_TOO_MANY),
    ),
    Refusal.HEADER_SIZE: (
        HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE,
        TooLargeError(f"headers have {MOST_HEADER_BYTES >> 10} KiB at most", remedy=_FEWER),
    ),
    Refusal.HEADER_COUNT: (
        HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE,
        TooLargeError(f"a request has {MOST_HEADERS} headers at most", remedy=_FEWER),
    ),
    Refusal.HEADER_TIME: (
        HTTPStatus.REQUEST_TIMEOUT,
        SlowRequestError("the headers did not arrive in time", remedy="Send the request again"),
    ),
    Refusal.MALFORMED: (
        HTTPStatus.BAD_REQUEST,
        InvalidInputError("this is not an HTTP/1.1 request", remedy="Send one"),
    ),
}


@cache
def raw_answer(refusal: Refusal) -> bytes:
    """Return the answer to a refused connection or head, with its status line and headers.

    It has no date, which a server may leave out of an error.
    """
    status, error = _ERRORS[refusal]
    body = to_json({k: v for k, v in problem_of(error, status.value).items() if v is not None})
    lines = [
        f"HTTP/1.1 {status.value} {status.phrase}",
        f"content-type: {MEDIA_TYPE}",
        f"content-length: {len(body)}",
        "cache-control: no-store",
        *(f"{name.decode()}: {value.decode()}" for name, value in SECURITY_HEADERS),
        "connection: close",
    ]
    if status == HTTPStatus.TOO_MANY_REQUESTS:
        lines.append(f"retry-after: {RETRY_AFTER_S}")
    return "\r\n".join([*lines, "", ""]).encode() + body
