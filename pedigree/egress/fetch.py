"""Fetch one small document, or post one, over a guarded connection.

Needs the extra ``webhooks``; import it with :func:`pedigree.libraries.library`.
"""

from collections.abc import Collection, Mapping
from pathlib import Path
from typing import NamedTuple

import httpcore2

from pedigree._setting_lists import Network
from pedigree.egress.connection import FAILURES, guarded, headers_for, reason_of

_OK = 200


class FetchFailedError(OSError):
    """The document could not be fetched; the message has no text of the host."""


class HostAnswer(NamedTuple):
    """An answer of a host."""

    status: int
    body: bytes


def fetch(
    url: str,
    *,
    allowed: Collection[Network],
    timeout_s: float,
    most_bytes: int,
    headers: Mapping[str, str] | None = None,
    ca_file: Path | None = None,
) -> bytes:
    """Return the body of a document.

    Args:
        url: The document.
        allowed: Networks that are allowed although they are not public.
        timeout_s: The limit for the whole request in seconds, however slowly the host answers.
        most_bytes: The largest body.
        headers: Headers in addition to those of every request.
        ca_file: Certificates of authorities that are trusted besides those of the system.

    Raises:
        FetchFailedError: There is no answer 200 with such a body in time.
    """
    target = httpcore2.URL(url)
    asked = {"Accept": "application/json", "Accept-Encoding": "identity", **(headers or {})}
    try:
        with (
            guarded(target, allowed=allowed, timeout_s=timeout_s, ca_file=ca_file) as connection,
            connection.stream("GET", target, headers=headers_for(target, asked)) as answer,
        ):
            if answer.status != _OK:
                raise FetchFailedError(f"it answered with status {answer.status}")
            return _body(answer, most_bytes)
    except FetchFailedError:
        raise
    except FAILURES as failed:
        raise FetchFailedError(reason_of(failed)) from None


def post(
    url: str,
    content: bytes,
    *,
    content_type: str,
    allowed: Collection[Network],
    timeout_s: float,
    most_bytes: int,
    headers: Mapping[str, str] | None = None,
    ca_file: Path | None = None,
    answers_are_signed: bool = False,
) -> HostAnswer:
    """Post some bytes, and return the answer, whatever its status is.

    Args:
        url: Where to post.
        content: The bytes.
        content_type: Their media type.
        allowed: Networks that are allowed although they are not public.
        timeout_s: The limit for the whole request in seconds, however slowly the host answers.
        most_bytes: The largest body of the answer.
        headers: Headers in addition to those of every request.
        ca_file: Certificates of authorities that are trusted besides those of the system.
        answers_are_signed: The content is no secret and the answer is signed, so that public
            addresses need no TLS.

    Raises:
        FetchFailedError: There is no answer with such a body in time.
    """
    target = httpcore2.URL(url)
    sent = {
        "Content-Type": content_type,
        "Content-Length": str(len(content)),
        "Accept-Encoding": "identity",
        **(headers or {}),
    }
    try:
        with (
            guarded(
                target,
                allowed=allowed,
                timeout_s=timeout_s,
                ca_file=ca_file,
                answers_are_signed=answers_are_signed,
            ) as connection,
            connection.stream(
                "POST", target, headers=headers_for(target, sent), content=content
            ) as answer,
        ):
            return HostAnswer(answer.status, _body(answer, most_bytes))
    except FetchFailedError:
        raise
    except FAILURES as failed:
        raise FetchFailedError(reason_of(failed)) from None


def _body(answer: httpcore2.Response, most: int) -> bytes:
    read = bytearray()
    for chunk in answer.iter_stream():
        read += chunk
        if len(read) > most:
            raise FetchFailedError(f"it sent more than {most:,} bytes")
    return bytes(read)
