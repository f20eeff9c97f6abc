"""Bring an artifact's files back, and never without comparing them with their digests."""

import hashlib
import os
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path

from pedigree.artifacts.objects import ObjectStore
from pedigree.artifacts.paths import check_path
from pedigree.artifacts.records import Digest, Manifest, ManifestFile
from pedigree.errors import CorruptionError


def pull(
    store: ObjectStore, manifest: Manifest, keys: Mapping[Digest, str], destination: Path
) -> None:
    """Write an artifact's files below a folder.

    Files that are there and right are left alone. The others are verified while they stream, under
    a temporary name, and get their own name last: a file of that name is always whole.

    Raises:
        CorruptionError: Bytes are not what their digest says, or are gone.
    """
    destination.mkdir(parents=True, exist_ok=True)
    for file in manifest.files:
        target = destination / check_path(file.path)
        if not _is_right(target, file):
            _write(target, _verified(store, file, keys))


def verify(store: ObjectStore, manifest: Manifest, keys: Mapping[Digest, str]) -> None:
    """Read every byte of an artifact again and compare its digests.

    Raises:
        CorruptionError: Bytes are not what their digest says, or are gone.
    """
    for file in manifest.files:
        for _ in _verified(store, file, keys):
            pass


def _verified(
    store: ObjectStore, file: ManifestFile, keys: Mapping[Digest, str]
) -> Iterator[bytes]:
    if file.digest not in keys:
        raise CorruptionError(
            f"the bytes of {file.path} are gone: no blob has {file.digest}",
            remedy="Restore the database and the store from a backup",
        )
    sha256 = hashlib.sha256()
    for chunk in store.stream(keys[file.digest]):
        sha256.update(chunk)
        yield chunk
    if f"sha256:{sha256.hexdigest()}" != file.digest:
        raise CorruptionError(
            f"{file.path} does not have the sha256 that it was registered with",
            remedy=f"Restore {store.location(keys[file.digest])} from a backup",
        )


def _is_right(target: Path, file: ManifestFile) -> bool:
    if target.is_symlink() or not target.is_file() or target.stat().st_size != file.size:
        return False
    with target.open("rb") as content:
        return f"sha256:{hashlib.file_digest(content, 'sha256').hexdigest()}" == file.digest


def _write(target: Path, chunks: Iterator[bytes]) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    descriptor, name = tempfile.mkstemp(dir=target.parent, prefix=".pull-")
    try:
        with os.fdopen(descriptor, "wb") as partial:
            partial.writelines(chunks)
        Path(name).replace(target)
    except BaseException:
        with suppress(FileNotFoundError):
            Path(name).unlink()
        raise
