"""Headers of requests and answers that are passed on: by allow-lists, in both directions."""

from collections.abc import Iterable
from urllib.parse import quote

Headers = list[tuple[str, str]]

PRINCIPAL = "X-Pedigree-Principal"
"""Who sent a request that is passed on; what a client sends under this name is left out."""

_ASKED = frozenset(
    {
        *("accept", "accept-encoding", "accept-language", "content-encoding", "content-length"),
        *("content-type", "if-match", "if-modified-since", "if-none-match", "if-range"),
        *("if-unmodified-since", "range", "traceparent", "tracestate", "user-agent"),
        *("x-mlflow-client-version", "x-mlflow-experiment-id", "x-mlflow-run-id"),
    }
)
_ANSWERED = frozenset(
    {
        *("accept-ranges", "content-disposition", "content-encoding", "content-language"),
        *("content-length", "content-range", "content-type", "etag", "last-modified"),
        *("repr-digest", "retry-after", "vary"),
    }
)
# What no browser shows as a page or runs.
_INERT = frozenset(
    {
        *("application/json", "application/octet-stream", "application/x-protobuf"),
        *("application/yaml", "image/gif", "image/jpeg", "image/png", "image/webp"),
        *("text/csv", "text/plain"),
    }
)
_BYTES = "application/octet-stream"
_JSON = "application/json"


def asked_headers(given: Iterable[tuple[str, str]], principal: str, authorization: str) -> Headers:
    """Return the headers of a request to the tracking server.

    Args:
        given: Those of the client, with names in lower case.
        principal: Who sent the request.
        authorization: The credential of the service; empty if it has none.

    >>> asked_headers([("cookie", "a"), ("range", "bytes=1-")], "ann", "Bearer t")
    [('range', 'bytes=1-'), ('X-Pedigree-Principal', 'ann'), ('Authorization', 'Bearer t')]
    """
    headers = [(name, value) for name, value in given if name in _ASKED]
    headers.append((PRINCIPAL, quote(principal, safe="@:+/ ")))
    if authorization:
        headers.append(("Authorization", authorization))
    return headers


def answered_headers(given: Iterable[tuple[str, str]]) -> Headers:
    """Return the headers of an answer to a client, which no browser shows as a page.

    >>> answered_headers([("set-cookie", "a"), ("content-type", "text/html; charset=utf-8")])
    [('content-type', 'application/octet-stream'), ('content-disposition', 'attachment')]
    """
    headers = [(name.lower(), value) for name, value in given if name.lower() in _ANSWERED]
    kinds = [value for name, value in headers if name == "content-type"]
    kind = kinds[0].partition(";")[0].strip().lower() if len(kinds) == 1 else _BYTES
    if len(kinds) != 1 or kind not in _INERT:
        headers = [each for each in headers if each[0] != "content-type"]
        headers.append(("content-type", _BYTES))
    is_saved = any(
        name == "content-disposition" and value.lower().startswith("attachment")
        for name, value in headers
    )
    if kind != _JSON and not is_saved:
        headers = [each for each in headers if each[0] != "content-disposition"]
        headers.append(("content-disposition", "attachment"))
    return headers
