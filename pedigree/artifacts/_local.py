"""A folder as an object store, with writes that survive a power failure.

obstore's own local store never syncs, so after a power failure Postgres could name an empty file.
"""

import hashlib
import itertools
import os
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import timedelta
from pathlib import Path
from uuid import UUID, uuid4

from pedigree.artifacts._local_files import CHUNK, in_made_folder, link_file, sync, sync_path
from pedigree.artifacts.objects import SignedMethod, is_shard, staging_key
from pedigree.artifacts.paths import SourceFile, SourceReader
from pedigree.artifacts.records import Blob, Digest, Tier
from pedigree.errors import CorruptionError, StoreUnavailableError, UnsupportedByStoreError


class LocalStore:
    """Stores each object as a file of that name in a folder."""

    is_local = True

    def __init__(self, root: Path) -> None:
        self._root = root.absolute()
        # Folders that are already durable, so that each is synced once per process.
        self._durable: set[Path] = set()

    @property
    def url(self) -> str:
        """The folder as a URL."""
        return self._root.as_uri()

    def intake(self, upload_id: UUID) -> "LocalIntake":
        """Start an intake: each file is hashed while it is copied, then linked to its key."""
        return LocalIntake(self, self._root / staging_key(upload_id))

    def put(self, key: str, content: bytes) -> None:
        """Write the bytes under the key, which is not visible before it is durable."""
        target = self._root / key
        with self.failures():
            with in_made_folder(target.parent, lambda: target.open("xb", buffering=0)) as file:
                _write(file.fileno(), memoryview(content))
                sync(file.fileno())
            self._sync_folders_of(target)

    def create(self, key: str, content: bytes) -> bool:
        """Link a durable file to the key, unless there is one: no file is visible half-written."""
        folder, target = staging_key(uuid4()), self._root / key
        self.put(f"{folder}/0", content)
        try:
            with self.failures():
                source = self._root / folder / "0"
                in_made_folder(target.parent, lambda: link_file(source, target))
                self._sync_folders_of(target)
        except StoreUnavailableError as error:
            if isinstance(error.__cause__, FileExistsError):
                return False
            raise
        finally:
            self.delete([folder])
        return True

    def link(self, source: Path, key: str) -> None:
        """Sync a file of the store and link it to its key; no file is ever overwritten."""
        target = self._root / key
        with self.failures():
            sync_path(source)
            in_made_folder(target.parent, lambda: link_file(source, target))
            self._sync_folders_of(target)

    def copy(self, source_key: str, target_key: str, tier: Tier, *, digest: Digest) -> None:  # noqa: ARG002
        """Link the same file to a second key; a folder has no tiers, and no byte moves."""
        if self.size(source_key) is None:
            raise self._gone(source_key)
        self.link(self._root / source_key, target_key)

    def stream(self, key: str, *, start: int = 0) -> Iterator[bytes]:
        """Yield the file's bytes in chunks of a mebibyte."""
        with self.failures():
            try:
                file = (self._root / key).open("rb", buffering=0)
            except (FileNotFoundError, NotADirectoryError) as error:
                raise self._gone(key) from error
        with file:
            file.seek(start)
            while True:
                with self.failures():
                    chunk = file.read(CHUNK)
                if not chunk:
                    return
                yield chunk

    def size(self, key: str) -> int | None:
        """Return the file's size in bytes; None if there is no file."""
        with self.failures():
            try:
                return (self._root / key).stat().st_size
            except (FileNotFoundError, NotADirectoryError):
                return None

    def keys(self, prefix: str, *, limit: int) -> list[str]:
        """Return some paths of files below a folder."""
        files = (
            Path(folder, name).relative_to(self._root).as_posix()
            for folder, _, names in os.walk(self._root / prefix, onerror=_raise_unless_absent)
            for name in names
        )
        with self.failures():
            return list(itertools.islice(files, limit))

    def sizes(self, prefix: str) -> Iterator[tuple[str, int]]:
        """Yield the path and the size of each file below a folder, in the order of the paths."""
        with self.failures():
            yield from _sizes_below(self._root, prefix)

    def delete(self, keys: Sequence[str]) -> None:
        """Remove files, folders that become empty, and staging folders."""
        with self.failures():
            for key in keys:
                path = self._root / key
                if path.is_dir() and not path.is_symlink():
                    with suppress(FileNotFoundError):  # another sweep was faster
                        shutil.rmtree(path)
                    continue
                path.unlink(missing_ok=True)
                if not is_shard(path.parent.relative_to(self._root)):
                    with suppress(OSError):
                        path.parent.rmdir()

    def sign(
        self,
        keys: Sequence[str],  # noqa: ARG002
        expires: timedelta,  # noqa: ARG002
        method: SignedMethod = "GET",  # noqa: ARG002
    ) -> tuple[str, ...]:
        """Refuse: a folder has no URL that clients could open."""
        raise UnsupportedByStoreError(
            "a folder has no URLs for its files",
            field="store_url",
            value=self.url,
            remedy="Pull the files instead, or use a store at s3://, gs:// or az://",
        )

    def location(self, key: str) -> str:
        """Return the file's path."""
        return str(self._root / key)

    @contextmanager
    def failures(self) -> Iterator[None]:
        """Convert errors of the operating system to errors of the store."""
        try:
            yield
        except OSError as error:
            raise StoreUnavailableError(
                f"the object store {self.url} failed: {error.strerror or type(error).__name__}",
                remedy="Check that its disk has space and this process may write there",
            ) from error

    def _gone(self, key: str) -> CorruptionError:
        return CorruptionError(
            f"the object {key} is missing from the store {self.url}",
            remedy="Restore it from a backup, or check that this is the right store",
        )

    def _sync_folders_of(self, target: Path) -> None:
        """Make the file's name and the names of the folders above it durable."""
        sync_path(target.parent)
        folder = target.parent
        if not (folder == self._root or is_shard(folder.relative_to(self._root))):
            folder = folder.parent  # another process may have just created the one below it
            sync_path(folder)
        unsure = []
        while folder not in self._durable and folder != self._root:
            unsure.append(folder)
            folder = folder.parent
            sync_path(folder)
        if folder == self._root and folder not in self._durable:
            unsure.append(folder)
            # The store's own name. If its parent is not readable, an administrator created it.
            with suppress(PermissionError):
                sync_path(folder.parent)
        self._durable.update(unsure)  # last, since other threads rely on it


class LocalIntake:
    """Copies files into a private folder of the store and hashes them on the way."""

    reads_again = False
    writes_early = True

    def __init__(self, store: LocalStore, folder: Path) -> None:
        self._store = store
        self._folder = folder
        self._copies: dict[str, Path] = {}
        self._numbers = itertools.count()

    def take(self, source: SourceFile) -> Blob:
        """Copy and hash the file in one pass. It is not yet synced: it may not be needed."""
        with self._store.failures(), source.reading() as reader:
            copy = self._folder / str(next(self._numbers))
            self._make_private_folder()
            with copy.open("xb", buffering=0) as file:
                taken = _copy(reader, file.fileno())
        self._copies[source.path] = copy
        return taken

    def keep(self, source: SourceFile, digest: Digest, key: str) -> None:  # noqa: ARG002
        """Sync the copy and link it to its key; its bytes are the hashed ones."""
        self._store.link(self._copies[source.path], key)

    def _make_private_folder(self) -> None:
        # The folder is private, not the file: linked to its key, it has the user's usual mode.
        self._folder.parent.mkdir(parents=True, exist_ok=True)
        self._folder.mkdir(mode=0o700, exist_ok=True)

    def close(self) -> None:
        """Remove the copies."""
        shutil.rmtree(self._folder, ignore_errors=True)


def _raise_unless_absent(error: OSError) -> None:
    if not isinstance(error, FileNotFoundError):
        raise error


def _sizes_below(root: Path, prefix: str) -> Iterator[tuple[str, int]]:
    try:
        with os.scandir(root / prefix) as found:
            # With its slash, a folder has the place of the paths of its files.
            entries = {
                f"{each.name}{'/' * each.is_dir(follow_symlinks=False)}": each for each in found
            }
    except FileNotFoundError:
        return  # it became empty
    for name in sorted(entries):
        if name.endswith("/"):
            yield from _sizes_below(root, prefix + name)
            continue
        with suppress(FileNotFoundError):
            yield prefix + name, entries[name].stat().st_size


def _copy(reader: SourceReader, descriptor: int) -> Blob:
    sha256 = hashlib.sha256()
    size = 0
    buffer = memoryview(bytearray(CHUNK))
    while count := reader.readinto(buffer):
        chunk = buffer[:count]
        sha256.update(chunk)
        _write(descriptor, chunk)
        size += count
    return Blob(f"sha256:{sha256.hexdigest()}", size)


def _write(descriptor: int, content: memoryview) -> None:
    while content:
        content = content[os.write(descriptor, content) :]
