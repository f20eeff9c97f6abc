"""Bring an artifact's files to a folder, verified, and never half a file under its name."""

import fcntl
import hashlib
import os
import shutil
import stat
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path
from tempfile import mkdtemp

from pedigree.artifacts._verified import verified
from pedigree.artifacts.objects import ObjectStore
from pedigree.artifacts.paths import check_path
from pedigree.artifacts.records import Digest, Manifest, ManifestFile
from pedigree.artifacts.store import locate
from pedigree.errors import InvalidInputError
from pedigree.postgres.database import Database

_AT_ONCE = 4
_CHUNK = 1 << 20
_TEMPORARY = ".pedigree-pull-"
_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC


def pull(
    store: ObjectStore, manifest: Manifest, keys: Mapping[Digest, str], destination: Path
) -> None:
    """Write an artifact's files below a folder, which is made if need be.

    Each file is hashed while it is written into a private folder inside the destination, and
    renamed to its place when it is right. A file that is there and right is left alone; other
    files of the folder stay.

    Args:
        store: Where the bytes are.
        manifest: What the artifact is made of.
        keys: The keys of the manifest's digests, from :func:`pedigree.artifacts.store.locate`.
        destination: A folder, or a path where none is yet.

    Raises:
        CorruptionError: An object is gone, or its bytes are not those of its digest.
        StoreUnavailableError: The store failed.
        InvalidInputError: The destination cannot be written, or holds something else where a
            file or folder of the artifact must go.
    """
    for file in manifest.files:
        check_path(file.path)
    with _reaching(destination):
        destination.mkdir(parents=True, exist_ok=True)
        root = os.open(destination.resolve(), os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        with _reaching(destination), _temporary_folder(destination.resolve()) as temporary:
            target = _Target(root, temporary)
            _each(manifest.files, lambda file: target.bring(file, store, keys[file.digest]))
    finally:
        os.close(root)


def verify(store: ObjectStore, manifest: Manifest, keys: Mapping[Digest, str]) -> None:
    """Read all the bytes of an artifact and compare them with its manifest.

    Raises:
        CorruptionError: An object is gone, or its bytes are not those of its digest.
        StoreUnavailableError: The store failed.
    """

    def check(file: ManifestFile) -> None:
        check_object(store, keys[file.digest], file.digest)

    _each(tuple({file.digest: file for file in manifest.files}.values()), check)


def read_blob(database: Database, store: ObjectStore, digest: Digest) -> bytes:
    """Return the bytes of a digest, verified; for what is small enough to be held in memory.

    Raises:
        CorruptionError: No live object has these bytes, or it has others.
        StoreUnavailableError: The store failed.
    """
    key = database.run(lambda transaction: locate(transaction, [digest]))[digest]
    return b"".join(verified(store.stream(key), digest, key))


def check_object(store: ObjectStore, key: str, digest: Digest) -> None:
    """Read an object, and compare its bytes with a digest.

    Raises:
        CorruptionError: The object is gone, or has other bytes.
        StoreUnavailableError: The store failed.
    """
    for _ in verified(store.stream(key), digest, key):
        pass


class _Target:
    """The destination, held open: what is renamed meanwhile cannot lead a file out of it."""

    def __init__(self, root: int, temporary: Path) -> None:
        self._root = root
        self._temporary = temporary

    def bring(self, file: ManifestFile, store: ObjectStore, key: str) -> None:
        """Put the file in its place, unless it is there and right."""
        *folders, name = file.path.split("/")
        with self._folder(folders) as folder:
            if _is_right(folder, name, file):
                return
            # Unique, since a manifest names each path once; hashed, since names may be long.
            temporary = self._temporary / hashlib.sha256(file.path.encode()).hexdigest()
            with temporary.open("xb", buffering=0) as written:
                for chunk in verified(store.stream(key), file.digest, file.path):
                    written.write(chunk)
            os.rename(temporary, name, dst_dir_fd=folder)

    @contextmanager
    def _folder(self, parts: Sequence[str]) -> Iterator[int]:
        """Open a folder of the destination, made if need be, following no link."""
        folder = os.dup(self._root)
        try:
            for part in parts:
                with suppress(FileExistsError):
                    os.mkdir(part, dir_fd=folder)
                below = os.open(part, _FOLDER, dir_fd=folder)
                os.close(folder)
                folder = below
            yield folder
        finally:
            os.close(folder)


def _is_right(folder: int, name: str, file: ManifestFile) -> bool:
    try:
        descriptor = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK, dir_fd=folder)
    except OSError:
        return False
    with os.fdopen(descriptor, "rb", buffering=0) as present:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode) or status.st_size != file.size:
            return False
        return f"sha256:{hashlib.file_digest(present, 'sha256').hexdigest()}" == file.digest


def _each(files: Sequence[ManifestFile], work: Callable[[ManifestFile], None]) -> None:
    with ThreadPoolExecutor(min(len(files), _AT_ONCE), "pedigree-pull") as pool:
        futures = [pool.submit(work, file) for file in files]
        try:
            for future in futures:
                future.result()
        finally:
            pool.shutdown(wait=False, cancel_futures=True)


@contextmanager
def _temporary_folder(destination: Path) -> Iterator[Path]:
    """Make a private folder; remove it at the end, and those of pulls that were killed."""
    for left in destination.glob(f"{_TEMPORARY}*"):
        with suppress(OSError), _locked(left):
            shutil.rmtree(left, ignore_errors=True)
    folder = Path(mkdtemp(prefix=_TEMPORARY, dir=destination))
    try:
        with _locked(folder):
            yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def _locked(folder: Path) -> Iterator[None]:
    """Hold the folder's lock, which goes with the process; raise OSError if somebody else does."""
    descriptor = os.open(folder, _FOLDER)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield
    finally:
        os.close(descriptor)


@contextmanager
def _reaching(destination: Path) -> Iterator[None]:
    """Tell the operating system's errors as errors of the destination."""
    try:
        yield
    except OSError as error:
        raise InvalidInputError(
            f"the files cannot be written there: {error.strerror or type(error).__name__}",
            field="destination",
            value=str(destination),
            remedy="Give a folder that this process may write and that holds no links",
        ) from error
