"""The folder of a pull: its files are opened without links, and only a pull's own are replaced.

``.pedigree-pull/`` holds partial files while a pull runs. ``.pedigree-pulled`` lists what pulls
wrote, one ``<digest> <path>`` a line, so that the next pull knows which files are its own.
"""

import fcntl
import hashlib
import os
import stat
from collections.abc import Collection, Iterable, Iterator
from contextlib import contextmanager, suppress
from typing import NamedTuple
from uuid import uuid4

from pedigree.artifacts._partial import is_named, read_from
from pedigree.artifacts.path_rules import PULL_FOLDER, PULL_RECORD
from pedigree.artifacts.paths import Identity, identity_of
from pedigree.artifacts.records import Digest, ManifestFile, is_digest
from pedigree.errors import FileConflictError

_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_READ = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
# The number of paths in a message.
_SHOWN = 10


class Found(NamedTuple):
    """What the destination has at the path of a file."""

    identity: Identity | None
    """None: nothing."""
    is_right: bool
    """It has the wanted bytes."""
    is_own: bool
    """A pull wrote these bytes, or there is nothing."""


_NOTHING = Found(None, is_right=False, is_own=True)


class PullTarget:
    """The destination as an open folder, so that a concurrent rename cannot redirect a file."""

    def __init__(self, root: int) -> None:
        self._root = root
        self._written = _read_record(root)
        self._own_folders = {
            folder for path in self._written for folder in _folders_of(path) if _is_hidden(folder)
        }

    @contextmanager
    def place_of(self, path: str) -> Iterator[tuple[int, str]]:
        """Open or create the folder of a path without following links; yield it and the name."""
        *folders, name = path.split("/")
        folder = os.dup(self._root)
        try:
            for part in folders:
                with suppress(FileExistsError):
                    os.mkdir(part, dir_fd=folder)
                folder = _entered(folder, part)
            yield folder, name
        finally:
            os.close(folder)

    def find(self, file: ManifestFile) -> Found:
        """Compare what is at the path of a file with the file, and with what pulls wrote."""
        *folders, name = file.path.split("/")
        folder = os.dup(self._root)
        try:
            for part in folders:
                folder = _entered(folder, part)
            found = self._compare(folder, name, file)
        except FileNotFoundError:
            found = _NOTHING
        finally:
            os.close(folder)
        return found if self._may_enter(file.path) else found._replace(is_own=False)

    def _may_enter(self, path: str) -> bool:
        """Return whether no hidden folder on the way belongs to somebody else, such as ``.git``."""
        return all(
            folder in self._own_folders or not self._has(folder)
            for folder in _folders_of(path)
            if _is_hidden(folder)
        )

    def _has(self, path: str) -> bool:
        try:
            os.stat(path, dir_fd=self._root, follow_symlinks=False)
        except FileNotFoundError:
            return False
        return True

    def _compare(self, folder: int, name: str, file: ManifestFile) -> Found:
        status = os.stat(name, dir_fd=folder, follow_symlinks=False)
        identity, written = identity_of(status), self._written.get(file.path, ())
        if not stat.S_ISREG(status.st_mode) or not (written or status.st_size == file.size):
            return Found(identity, is_right=False, is_own=False)
        try:
            digest = _digest_of(folder, name)
        except PermissionError:
            return Found(identity, is_right=False, is_own=False)
        return Found(identity, is_right=digest == file.digest, is_own=digest in written)

    def put(self, partial: str, private: int, file: ManifestFile, seen: Found) -> None:
        """Move a complete file to its place.

        Raises:
            FileConflictError: Something appeared or changed there since it was compared.
        """
        with self.place_of(file.path) as (folder, name):
            try:
                status = os.stat(name, dir_fd=folder, follow_symlinks=False)
            except FileNotFoundError:
                present = None
            else:
                present = identity_of(status)
            if present not in (None, seen.identity) and not self._is_written_since(file):
                raise conflict([file.path])
            os.rename(partial, name, src_dir_fd=private, dst_dir_fd=folder)

    def _is_written_since(self, file: ManifestFile) -> bool:
        """Return whether another pull wrote what is there now."""
        found = PullTarget(self._root).find(file)
        return found.is_right or found.is_own

    def announce(self, files: Iterable[ManifestFile]) -> None:
        """Record which files this pull writes, before it writes them."""
        new = [file for file in files if file.digest not in self._written.get(file.path, ())]
        text = "".join(_line(file.path, file.digest) for file in new).encode()
        flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW | os.O_CLOEXEC
        for file in new:
            self._written.setdefault(file.path, set()).add(file.digest)
        if not text:
            return
        try:
            record = os.open(PULL_RECORD, flags, 0o666, dir_fd=self._root)
        except PermissionError:  # another user's, in a folder that both may write
            self._replace_record()
            return
        with os.fdopen(record, "wb") as lines:
            lines.write(text)

    def _replace_record(self) -> None:
        """Write the record as one new file."""
        name = f"{PULL_RECORD}-{uuid4().hex}"
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
        lines = (
            _line(path, digest)
            for path, digests in sorted(self._written.items())
            for digest in sorted(digests)
        )
        with os.fdopen(os.open(name, flags, 0o666, dir_fd=self._root), "wb") as file:
            file.write("".join(lines).encode())
        os.rename(name, PULL_RECORD, src_dir_fd=self._root, dst_dir_fd=self._root)

    @property
    def has_partial_files(self) -> bool:
        """Whether a pull runs, or was interrupted."""
        return self._has(PULL_FOLDER)

    @contextmanager
    def private_folder(self, files: Iterable[ManifestFile]) -> Iterator[int]:
        """Open the folder of partial files; after a success, tidy it and the record.

        Args:
            files: All files of the artifact.
        """
        folder = self._open_private()
        try:
            yield folder
            with suppress(BlockingIOError):  # another pull into this destination runs
                fcntl.flock(folder, fcntl.LOCK_EX | fcntl.LOCK_NB)
                for name in os.listdir(folder):  # noqa: PTH208 - by descriptor
                    os.unlink(name, dir_fd=folder)
                self._forget_older(files)
        finally:
            with suppress(OSError):  # it is not empty, or another process uses it
                fcntl.flock(folder, fcntl.LOCK_EX | fcntl.LOCK_NB)
                os.rmdir(PULL_FOLDER, dir_fd=self._root)
            os.close(folder)

    def _forget_older(self, files: Iterable[ManifestFile]) -> None:
        """Remove digests from the record that files of this artifact no longer have."""
        present = {file.path: {file.digest} for file in files}
        recorded = _read_record(self._root)
        kept = {path: present.get(path, digests) for path, digests in recorded.items()}
        if kept != recorded:
            self._written = kept
            self._replace_record()

    def _open_private(self) -> int:
        while True:
            with suppress(FileExistsError):
                os.mkdir(PULL_FOLDER, 0o700, dir_fd=self._root)
            with suppress(FileNotFoundError):
                folder = os.open(PULL_FOLDER, _FOLDER, dir_fd=self._root)
                fcntl.flock(folder, fcntl.LOCK_SH)
                if is_named(folder, PULL_FOLDER, self._root):
                    return folder
                os.close(folder)


def conflict(paths: Collection[str]) -> FileConflictError:
    """Return the error for files that a pull would replace, but did not write."""
    shown = ", ".join(sorted(paths)[:_SHOWN]) + (", …" if len(paths) > _SHOWN else "")
    return FileConflictError(
        f"the folder has other files there, which no pull wrote: {shown}",
        field="destination",
        remedy="Pull into another folder, move them, or replace them with force=True (--force)",
    )


def _entered(folder: int, part: str) -> int:
    """Open a folder below an open one, and close the latter."""
    below = os.open(part, _FOLDER, dir_fd=folder)
    os.close(folder)
    return below


def _digest_of(folder: int, name: str) -> Digest:
    sha256 = hashlib.sha256()
    descriptor = os.open(name, _READ, dir_fd=folder)
    try:
        for chunk in read_from(descriptor):
            sha256.update(chunk)
    finally:
        os.close(descriptor)
    return f"sha256:{sha256.hexdigest()}"


def _folders_of(path: str) -> Iterator[str]:
    """Yield the paths of the folders on the way to a path, the outermost first."""
    parts = path.split("/")
    return ("/".join(parts[:depth]) for depth in range(1, len(parts)))


def _is_hidden(folder: str) -> bool:
    return folder.rpartition("/")[2].startswith(".")


def _line(path: str, digest: Digest) -> str:
    return f"{digest} {path}\n"


def _read_record(root: int) -> dict[str, set[Digest]]:
    """Return the digests that pulls wrote, by path; lines of a killed pull may be incomplete."""
    written: dict[str, set[Digest]] = {}
    with suppress(FileNotFoundError):
        descriptor = os.open(PULL_RECORD, _READ, dir_fd=root)
        with os.fdopen(descriptor, "rb") as file:
            for line in file.read().decode(errors="replace").split("\n"):
                digest, _, path = line.partition(" ")
                if is_digest(digest):
                    written.setdefault(path, set()).add(digest)
    return written
