"""Fetch one small document over a guarded connection.

Needs the extra ``webhooks``; import it with :func:`pedigree.libraries.library`.
"""

from collections.abc import Collection, Mapping
from pathlib import Path

import httpcore2

from pedigree._setting_lists import Network
from pedigree.egress.connection import FAILURES, guarded, headers_for, reason_of


class FetchFailedError(OSError):
    """The document could not be fetched; the message has no text of the host."""


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
            if answer.status != 200:
                raise FetchFailedError(f"it answered with status {answer.status}")
            return _body(answer, most_bytes)
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
