"""Whether the store keeps an object from being replaced or removed: S3's object lock."""

from datetime import datetime, timedelta

import httpx2
from pydantic import TypeAdapter, ValidationError

from pedigree._record import Record
from pedigree.artifacts.objects import ObjectStore
from pedigree.errors import UnsupportedByStoreError

_MODES = ("COMPLIANCE", "GOVERNANCE")
_EXPIRY = timedelta(minutes=1)
_TIMEOUT_S = 10.0
_TIME = TypeAdapter(datetime)


class ObjectLock(Record):
    """The lock of an object.

    Args:
        mode: ``COMPLIANCE`` or ``GOVERNANCE``; None without a lock, or if that is not known.
        until: Until when nobody can remove the object.
        is_known: Whether the store says so. S3 leaves the lock out of an answer to somebody who may
            not read it, so no lock in an answer is not known to be none.
        reason: Why it is not known.
    """

    mode: str | None = None
    until: datetime | None = None
    is_known: bool = False
    reason: str | None = None


def object_lock(store: ObjectStore, key: str) -> ObjectLock:
    """Return the lock of an object, from the headers with which the store answers."""
    if store.is_local:
        return ObjectLock(is_known=True)
    if not store.url.startswith("s3://"):
        return ObjectLock(reason="only of S3 it can be asked")
    try:
        (url,) = store.sign([key], _EXPIRY)
        with httpx2.stream("GET", url, timeout=_TIMEOUT_S, trust_env=False) as answer:
            headers, status = answer.headers, answer.status_code
    except (httpx2.HTTPError, httpx2.InvalidURL, UnsupportedByStoreError):
        return ObjectLock(reason="the store does not answer")
    if status != httpx2.codes.OK:
        return ObjectLock(reason=f"the store answered with status {status}")
    return _stated(headers)


def _stated(headers: httpx2.Headers) -> ObjectLock:
    """Return the lock that the headers of an answer state."""
    mode = headers.get("x-amz-object-lock-mode", "").upper()
    if mode not in _MODES:
        return ObjectLock(reason="the object has no lock, or we may not read it")
    try:
        until = _TIME.validate_python(headers.get("x-amz-object-lock-retain-until-date"))
    except ValidationError:
        return ObjectLock(reason="the store names no time until which it locks")
    return ObjectLock(mode=mode, until=until, is_known=True)
