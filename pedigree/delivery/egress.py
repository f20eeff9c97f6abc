"""Post one message over its own connection to a checked address.

The connection is one of :mod:`pedigree.egress.connection`, and only the head of the response is
read. One deadline limits all of it, however slowly a receiver responds.

Needs the extra ``webhooks``; import it with :func:`pedigree.libraries.library`.
"""

import time
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import NamedTuple

import httpcore2

from pedigree._setting_lists import Network
from pedigree.delivery.backoff import retry_after
from pedigree.egress.connection import FAILURES, guarded, headers_for, reason_of

# Statuses with which a receiver can request a later retry.
_ASKING = (429, 503)


class Posted(NamedTuple):
    """The result of a post: a status, or why there is none."""

    status: int | None
    error: str | None
    duration_ms: int
    retry_after: float


def post(
    url: str,
    headers: Mapping[str, str],
    body: bytes,
    *,
    allowed: Collection[Network],
    timeout_s: float,
    ca_file: Path | None = None,
) -> Posted:
    """Post a JSON document and return the status of the response.

    Args:
        url: The receiver.
        headers: Headers in addition to those of every request.
        body: The document.
        allowed: Networks that are allowed although they are not public.
        timeout_s: The limit for the whole request in seconds.
        ca_file: Certificates of authorities that are trusted besides those of the system.
    """
    begun = time.monotonic()
    target = httpcore2.URL(url)
    own = {"Content-Type": "application/json", "Content-Length": str(len(body))}
    status, error, patience = None, None, 0.0
    try:
        with (
            guarded(target, allowed=allowed, timeout_s=timeout_s, ca_file=ca_file) as connection,
            connection.stream(
                "POST", target, headers=headers_for(target, {**own, **headers}), content=body
            ) as answer,
        ):
            status, patience = answer.status, _retry_after(answer)
    except FAILURES as failed:
        error = reason_of(failed)
    return Posted(status, error, round((time.monotonic() - begun) * 1000), patience)


def _retry_after(answer: httpcore2.Response) -> float:
    if answer.status not in _ASKING:
        return 0.0
    known = {name.lower(): value for name, value in answer.headers}
    return retry_after(known.get(b"retry-after", b"").decode("latin-1"))
