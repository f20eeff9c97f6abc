"""Files with secrets of this user: readable by nobody else, replaced at once, under a lock."""

import fcntl
import json
import os
import stat
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from uuid import uuid4

_MOST_BYTES = 64 << 10


class SecretFile:
    """A JSON object in a file of mode 0600.

    Args:
        path: The file; its folder is made with mode 0700.
    """

    def __init__(self, path: Path) -> None:
        self._path = path

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Hold the file's lock, so that one process at a time reads, asks and writes.

        Raises:
            OSError: The folder cannot be written.
        """
        self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        lock = self._path.with_name(f"{self._path.name}.lock")
        held = os.open(lock, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
        try:
            fcntl.flock(held, fcntl.LOCK_EX)
            yield
        finally:
            os.close(held)

    def read(self) -> Mapping[str, Any] | None:
        """Return the object; None if there is none that this user alone could have written."""
        try:
            opened = os.open(self._path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW)
        except OSError:
            return None
        with os.fdopen(opened, "rb") as file:
            about = os.fstat(opened)
            if about.st_uid != os.getuid() or stat.S_IMODE(about.st_mode) & 0o077:
                return None
            content = file.read(_MOST_BYTES)
        try:
            found = json.loads(content)
        except (ValueError, RecursionError):
            return None
        return found if isinstance(found, dict) else None

    def write(self, value: Mapping[str, Any]) -> None:
        """Replace the object.

        Raises:
            OSError: The folder cannot be written.
        """
        new = self._path.with_name(f".{self._path.name}.{uuid4().hex}")
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC | os.O_NOFOLLOW
        try:
            with os.fdopen(os.open(new, flags, 0o600), "w", encoding="utf-8") as file:
                json.dump(value, file)
                file.flush()
                os.fsync(file.fileno())
            new.replace(self._path)
        finally:
            new.unlink(missing_ok=True)

    def remove(self) -> None:
        """Remove the object, if there is one."""
        self._path.unlink(missing_ok=True)
