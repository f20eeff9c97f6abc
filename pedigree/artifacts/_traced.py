"""A store that traces its calls as spans of the request; used if traces are on."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any, Final

from pedigree.artifacts.objects import ObjectStore, SignedMethod
from pedigree.artifacts.records import Digest, Tier
from pedigree.tracing import part_of_request

_SYSTEM: Final = "object_store"


class TracedStore:
    """Wraps each call in a span, except streams and intakes, which take long.

    Args:
        store: The wrapped store.
    """

    def __init__(self, store: ObjectStore) -> None:
        self._store = store

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)

    def put(self, key: str, content: bytes) -> None:
        """Put some bytes under a key."""
        with part_of_request("store.put", _SYSTEM):
            self._store.put(key, content)

    def create(self, key: str, content: bytes) -> bool:
        """Put some bytes under a key that has no object."""
        with part_of_request("store.create", _SYSTEM):
            return self._store.create(key, content)

    def copy(self, source_key: str, target_key: str, tier: Tier, *, digest: Digest) -> None:
        """Put an object's bytes under a new key."""
        with part_of_request("store.copy", _SYSTEM):
            self._store.copy(source_key, target_key, tier, digest=digest)

    def size(self, key: str) -> int | None:
        """Return an object's size."""
        with part_of_request("store.size", _SYSTEM):
            return self._store.size(key)

    def keys(self, prefix: str, *, limit: int) -> list[str]:
        """Return some keys below a prefix."""
        with part_of_request("store.keys", _SYSTEM):
            return self._store.keys(prefix, limit=limit)

    def delete(self, keys: Sequence[str]) -> None:
        """Remove objects."""
        with part_of_request("store.delete", _SYSTEM):
            self._store.delete(keys)

    def sign(
        self, keys: Sequence[str], expires: timedelta, method: SignedMethod = "GET"
    ) -> tuple[str, ...]:
        """Return URLs of objects."""
        with part_of_request("store.sign", _SYSTEM):
            return self._store.sign(keys, expires, method)
