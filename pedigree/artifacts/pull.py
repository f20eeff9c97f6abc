"""Download an artifact's files to a folder, verified, without incomplete files."""

import fcntl
import os
import stat
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

from pedigree.artifacts._partial import Source, completed, has_digest, is_named
from pedigree.artifacts._progress import Meter, Progress
from pedigree.artifacts._verified import verified
from pedigree.artifacts.cache import BlobCache
from pedigree.artifacts.objects import ObjectStore, ReadableStore
from pedigree.artifacts.paths import check_path
from pedigree.artifacts.records import Digest, Manifest, ManifestFile
from pedigree.artifacts.store import locate
from pedigree.errors import InvalidInputError

if TYPE_CHECKING:
    from pedigree.postgres.database import Database

_AT_ONCE = 4
_PRIVATE = ".pedigree-pull"
_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC


def pull(
    store: ReadableStore,
    manifest: Manifest,
    keys: Mapping[Digest, str],
    destination: Path,
    *,
    cache: BlobCache | None = None,
    progress: Progress | None = None,
) -> None:
    """Write an artifact's files below a folder, which is created if necessary.

    Each file is hashed while it is written into a private folder inside the destination, and then
    renamed to its place. A correct existing file stays, and the bytes of an interrupted pull are
    not fetched again; other files of the folder stay.

    Args:
        store: The store of the bytes.
        manifest: The files of the artifact.
        keys: The keys of the manifest's digests, from :func:`pedigree.artifacts.store.locate`.
        destination: A folder, or a path that does not exist yet.
        cache: The cache for the bytes of a remote store.
        progress: Called with the number of completed bytes.

    Raises:
        CorruptionError: An object is missing, or its bytes do not have its digest.
        StoreUnavailableError: The store failed; the next pull resumes.
        InvalidInputError: The destination cannot be written, or has something else in the place of
            a file or folder of the artifact.
    """
    meter = Meter(progress)
    meter.expect(manifest.size)

    def source(file: ManifestFile) -> Source:
        source = source_of(store, keys[file.digest])
        if cache and not store.is_local and cache.may_hold(file.size):
            source = cache.source(file.digest, file.size, source)
        return _counted(source, meter)

    with _target(manifest, destination) as target, target.private_folder() as private:

        def bring(file: ManifestFile) -> None:
            with target.place_of(file.path) as (folder, name):
                if _is_right(folder, name, file):
                    meter.add(file.size)
                    return
                given = completed(private, file.digest, file.size, file.path, source(file))
                with given as (partial, _):
                    os.rename(partial, name, src_dir_fd=private, dst_dir_fd=folder)

        _each(manifest.files, bring)


def link_from_cache(
    store: ReadableStore,
    manifest: Manifest,
    keys: Mapping[Digest, str],
    cache: BlobCache,
    destination: Path,
) -> None:
    """Fill a folder of the cache with an artifact's files, as hard links to the cached blobs.

    Every file is hashed; an edited one is fetched again.

    Raises:
        CorruptionError: An object is gone, or its bytes are not those of its digest.
        StoreUnavailableError: The store failed.
    """
    with _target(manifest, destination) as target:

        def bring(file: ManifestFile) -> None:
            with target.place_of(file.path) as (folder, name):
                if not _is_right(folder, name, file):
                    source = source_of(store, keys[file.digest])
                    cache.link(file.digest, file.size, source, name, folder)

        _each(manifest.files, bring)


def verify(store: ReadableStore, manifest: Manifest, keys: Mapping[Digest, str]) -> None:
    """Read all the bytes of an artifact and compare them with its manifest.

    Raises:
        CorruptionError: An object is gone, or its bytes are not those of its digest.
        StoreUnavailableError: The store failed.
    """

    def check(file: ManifestFile) -> None:
        for _ in verified(store.stream(keys[file.digest]), file.digest, file.path):
            pass

    _each(tuple({file.digest: file for file in manifest.files}.values()), check)


def read_blob(database: "Database", store: ObjectStore, digest: Digest) -> bytes:
    """Return the verified bytes of a digest; for blobs that are small enough for memory.

    Raises:
        CorruptionError: No live object has these bytes, or it has other bytes.
        StoreUnavailableError: The store failed.
    """
    key = database.transaction(lambda transaction: locate(transaction, [digest]))[digest]
    return b"".join(verified(store.stream(key), digest, key))


def check_object(store: ObjectStore, key: str, digest: Digest) -> None:
    """Read an object, and compare its bytes with a digest.

    Raises:
        CorruptionError: The object is missing, or has other bytes.
        StoreUnavailableError: The store failed.
    """
    for _ in verified(store.stream(key), digest, key):
        pass


def source_of(store: ReadableStore, key: str) -> Source:
    """Return an object of a store as the source of a file."""
    return lambda start: store.stream(key, start=start)


class _Target:
    """The destination as an open folder, so that a concurrent rename cannot redirect a file."""

    def __init__(self, root: int) -> None:
        self._root = root

    @contextmanager
    def place_of(self, path: str) -> Iterator[tuple[int, str]]:
        """Open or create the folder of a path without following links; yield it and the name."""
        *folders, name = path.split("/")
        folder = os.dup(self._root)
        try:
            for part in folders:
                with suppress(FileExistsError):
                    os.mkdir(part, dir_fd=folder)
                below = os.open(part, _FOLDER, dir_fd=folder)
                os.close(folder)
                folder = below
            yield folder, name
        finally:
            os.close(folder)

    @contextmanager
    def private_folder(self) -> Iterator[int]:
        """Open the folder of partial files; after a success, remove the rest of its files."""
        folder = self._open_private()
        try:
            yield folder
            with suppress(BlockingIOError):  # another pull into this destination runs
                fcntl.flock(folder, fcntl.LOCK_EX | fcntl.LOCK_NB)
                for name in os.listdir(folder):  # noqa: PTH208 - by descriptor
                    os.unlink(name, dir_fd=folder)
        finally:
            with suppress(OSError):  # it is not empty, or another process uses it
                fcntl.flock(folder, fcntl.LOCK_EX | fcntl.LOCK_NB)
                os.rmdir(_PRIVATE, dir_fd=self._root)
            os.close(folder)

    def _open_private(self) -> int:
        while True:
            with suppress(FileExistsError):
                os.mkdir(_PRIVATE, 0o700, dir_fd=self._root)
            with suppress(FileNotFoundError):
                folder = os.open(_PRIVATE, _FOLDER, dir_fd=self._root)
                fcntl.flock(folder, fcntl.LOCK_SH)
                if is_named(folder, _PRIVATE, self._root):
                    return folder
                os.close(folder)


@contextmanager
def _target(manifest: Manifest, destination: Path) -> Iterator[_Target]:
    for file in manifest.files:
        check_path(file.path)
    with _reaching(destination):
        destination.mkdir(parents=True, exist_ok=True)
        root = os.open(destination.resolve(), os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            yield _Target(root)
        finally:
            os.close(root)


def _is_right(folder: int, name: str, file: ManifestFile) -> bool:
    flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
    try:
        descriptor = os.open(name, flags, dir_fd=folder)
    except OSError:
        return False
    try:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode) or status.st_size != file.size:
            return False
        return has_digest(descriptor, file.digest)
    finally:
        os.close(descriptor)


def _counted(source: Source, meter: Meter) -> Source:
    def counted(start: int) -> Iterator[bytes]:
        meter.add(start)
        for chunk in source(start):
            yield chunk
            meter.add(len(chunk))

    return counted


def _each(files: Sequence[ManifestFile], work: Callable[[ManifestFile], None]) -> None:
    if len(files) == 1:
        work(files[0])
        return
    with ThreadPoolExecutor(min(len(files), _AT_ONCE), "pedigree-pull") as pool:
        futures = [pool.submit(work, file) for file in files]
        try:
            for future in futures:
                future.result()
        finally:
            pool.shutdown(wait=False, cancel_futures=True)


@contextmanager
def _reaching(destination: Path) -> Iterator[None]:
    """Convert errors of the operating system to errors of the destination."""
    try:
        yield
    except OSError as error:
        raise InvalidInputError(
            f"the files cannot be written there: {error.strerror or type(error).__name__}",
            field="destination",
            value=str(destination),
            remedy="Give a writable folder with enough space and without links",
        ) from error
