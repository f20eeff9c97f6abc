"""Access a store without Pedigree: list and damage its objects."""

from pathlib import Path
from typing import Protocol

import obstore
from obstore.store import S3Store

from pedigree.artifacts.objects import ObjectStore
from pedigree.artifacts.path_rules import PULL_RECORD
from pedigree.artifacts.store_owner import OWNERS


class Probe(Protocol):
    """Direct operations of a test on a store."""

    store: ObjectStore

    def keys(self) -> set[str]: ...

    def overwrite(self, key: str, content: bytes) -> None: ...

    def remove(self, key: str) -> None: ...


def keys_in(root: Path) -> set[str]:
    """The keys in a folder, without the one that names the registry."""
    files = {path.relative_to(root).as_posix() for path in root.rglob("*") if path.is_file()}
    return {key for key in files if not key.startswith(OWNERS)}


class LocalProbe:
    def __init__(self, store: ObjectStore, root: Path) -> None:
        self.store = store
        self._root = root

    def keys(self) -> set[str]:
        return keys_in(self._root)

    def overwrite(self, key: str, content: bytes) -> None:
        (self._root / key).write_bytes(content)

    def remove(self, key: str) -> None:
        (self._root / key).unlink()


class RemoteProbe:
    def __init__(self, store: ObjectStore, bucket: S3Store) -> None:
        self.store = store
        self._bucket = bucket

    def keys(self) -> set[str]:
        keys = {meta["path"] for page in obstore.list(self._bucket) for meta in page}
        return {key for key in keys if not key.startswith(OWNERS)}

    def overwrite(self, key: str, content: bytes) -> None:
        obstore.put(self._bucket, key, content)

    def remove(self, key: str) -> None:
        obstore.delete(self._bucket, key)


def flip_a_bit(probe: Probe, key: str) -> None:
    """Change the object's middle byte by one bit; its size stays."""
    content = bytearray(b"".join(probe.store.stream(key)))
    content[len(content) // 2] ^= 1
    probe.overwrite(key, bytes(content))


def contents(folder: Path) -> dict[str, bytes]:
    """The files below a folder, without the record of what pulls wrote."""
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file() and path.name != PULL_RECORD
    }
