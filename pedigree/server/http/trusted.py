"""What a secret gave is trusted for half a second, so that its end counts within a second."""

import hashlib
import time
from typing import Generic, TypeVar

T = TypeVar("T")

_TRUSTED_S = 0.5
_MOST = 10_000


class Trusted(Generic[T]):
    """What was found by secrets, kept by their hashes."""

    def __init__(self) -> None:
        self._kept: dict[bytes, tuple[float, T]] = {}

    def fresh(self, secret: str) -> T | None:
        """Return what a secret gave, if that is not too long ago."""
        known = self._kept.get(_hash(secret))
        return known[1] if known and time.monotonic() < known[0] else None

    def knows(self, secret: str) -> bool:
        """Return whether a secret gave something, however long ago."""
        return _hash(secret) in self._kept

    def keep(self, secret: str, found: T) -> None:
        """Keep what a secret gives."""
        if len(self._kept) >= _MOST:
            self._kept.clear()
        self._kept[_hash(secret)] = (time.monotonic() + _TRUSTED_S, found)

    def forget(self, secret: str) -> None:
        """Forget a secret that gives nothing any more."""
        self._kept.pop(_hash(secret), None)


def _hash(secret: str) -> bytes:
    return hashlib.sha256(secret.encode()).digest()
