"""Download an artifact's files to a folder, verified, without incomplete files."""

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, TypeVar

from pedigree.artifacts._destination import Found, PullTarget, conflict
from pedigree.artifacts._partial import Source, completed
from pedigree.artifacts._progress import Meter, Progress
from pedigree.artifacts._verified import verified
from pedigree.artifacts.cache import BlobCache
from pedigree.artifacts.objects import ObjectStore, ReadableStore
from pedigree.artifacts.path_rules import check_path
from pedigree.artifacts.records import Digest, Manifest, ManifestFile
from pedigree.artifacts.store import locate
from pedigree.errors import InvalidInputError

if TYPE_CHECKING:
    from pedigree.postgres.database import Database

_AT_ONCE = 4

T = TypeVar("T")
R = TypeVar("R")


class _Wanted(NamedTuple):
    """A file to write, and what is in its place."""

    file: ManifestFile
    found: Found


def pull(
    store: ReadableStore,
    manifest: Manifest,
    keys: Mapping[Digest, str],
    destination: Path,
    *,
    cache: BlobCache | None = None,
    progress: Progress | None = None,
    force: bool = False,
) -> None:
    """Write an artifact's files below a folder, which is created if necessary.

    Each file is hashed while it is written into a private folder inside the destination, and then
    renamed to its place. A correct existing file stays, and the bytes of an interrupted pull are
    not fetched again; other files of the folder stay. A file that a pull wrote is replaced; another
    one, or one that was edited since, is not.

    Args:
        store: The store of the bytes.
        manifest: The files of the artifact.
        keys: The keys of the manifest's digests, from :func:`pedigree.artifacts.store.locate`.
        destination: A folder, or a path that does not exist yet.
        cache: The cache for the bytes of a remote store.
        progress: Called with the number of completed bytes.
        force: Replace also files that no pull wrote.

    Raises:
        FileConflictError: Files that no pull wrote are in the way, or a hidden folder of somebody
            else, such as ``.git``; nothing was written.
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

    with _reaching(destination), _target(manifest, destination) as target:
        wanted = _to_write(target, manifest.files, force=force)
        meter.add(manifest.size - sum(each.file.size for each in wanted))
        if not (wanted or target.has_partial_files):
            return  # the folder may be read-only
        with target.private_folder(manifest.files) as private, _trimmed(cache):

            def bring(each: _Wanted) -> None:
                file = each.file
                given = completed(private, file.digest, file.size, file.path, source(file))
                with given as (partial, _):
                    target.put(partial, private, file, each.found)

            target.announce(each.file for each in wanted)
            _each(wanted, bring)


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
        CacheUnavailableError: The cache cannot be written.
    """
    with cache.failures(), _target(manifest, destination) as target:

        def bring(file: ManifestFile) -> None:
            if not target.find(file).is_right:
                source = source_of(store, keys[file.digest])
                with target.place_of(file.path) as (folder, name):
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


@contextmanager
def _target(manifest: Manifest, destination: Path) -> Iterator[PullTarget]:
    for file in manifest.files:
        check_path(file.path)
    destination.mkdir(parents=True, exist_ok=True)
    root = os.open(destination.resolve(), os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        yield PullTarget(root)
    finally:
        os.close(root)


def _to_write(target: PullTarget, files: Sequence[ManifestFile], *, force: bool) -> list[_Wanted]:
    """Return the files that are not there yet, with what is in their place."""
    found = _each(files, lambda file: _Wanted(file, target.find(file)))
    wanted = [each for each in found if not each.found.is_right]
    foreign = [each.file.path for each in wanted if not each.found.is_own]
    if foreign and not force:
        raise conflict(foreign)
    return wanted


def _trimmed(cache: BlobCache | None) -> AbstractContextManager[None]:
    return cache.trimmed() if cache else nullcontext()


def _counted(source: Source, meter: Meter) -> Source:
    def counted(start: int) -> Iterator[bytes]:
        meter.add(start)
        for chunk in source(start):
            yield chunk
            meter.add(len(chunk))

    return counted


def _each(items: Sequence[T], work: Callable[[T], R]) -> list[R]:
    """Do the work for each item in parallel; results are in the items' order."""
    if len(items) < 2:
        return [work(item) for item in items]
    with ThreadPoolExecutor(min(len(items), _AT_ONCE), "pedigree-pull") as pool:
        futures = [pool.submit(work, item) for item in items]
        try:
            return [future.result() for future in futures]
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
