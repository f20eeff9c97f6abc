"""Where a login is kept: in the keyring of the operating system where it works, else in a file.

The file is always there, so that a command without a login need not load the keyring. If the
keyring has the secrets, the file says so and has none.
"""

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType
from typing import Any

from pedigree.client._secret_files import SecretFile
from pedigree.errors import NotAuthenticatedError

_SERVICE = "pedigree"
_IN_KEYRING = {"kept_in": "keyring"}


class KeptLogin:
    """The secrets of one login.

    Args:
        path: The file.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file = SecretFile(path)

    @property
    def exists(self) -> bool:
        """Whether there are secrets."""
        return self._file.read() is not None

    @property
    def place(self) -> str:
        """Where they are, for people."""
        is_there = self._file.read() == _IN_KEYRING
        return "the keyring of the operating system" if is_there else str(self._path)

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Hold the lock of the file, so that one process at a time reads, asks and writes.

        Raises:
            OSError: The folder cannot be written.
        """
        with self._file.locked():
            yield

    def read(self) -> Mapping[str, Any] | None:
        """Return the secrets; None if there are none.

        Raises:
            NotAuthenticatedError: The keyring has them, and does not give them.
        """
        found = self._file.read()
        if found != _IN_KEYRING:
            return found
        known: Mapping[str, Any] | None = None
        if (keyring := _working_keyring()) is not None:
            with suppress(keyring.errors.KeyringError, ValueError):
                known = json.loads(keyring.get_password(_SERVICE, self._path.stem) or "null")
        if known is None:
            raise NotAuthenticatedError(
                "the keyring of the operating system does not give the login",
                field="login",
                remedy="Unlock it, or run `pedigree login` again",
            )
        return known

    def write(self, value: Mapping[str, Any]) -> None:
        """Replace the secrets.

        Raises:
            OSError: The folder cannot be written.
        """
        if (keyring := _working_keyring()) is not None:
            try:
                keyring.set_password(_SERVICE, self._path.stem, json.dumps(value))
            except keyring.errors.KeyringError:
                pass  # it is locked, or too small
            else:
                self._file.write(_IN_KEYRING)
                return
        self._file.write(value)

    def remove(self) -> None:
        """Remove the secrets, if there are any."""
        if self._file.read() == _IN_KEYRING and (keyring := _working_keyring()) is not None:
            # If it is locked, nothing leads to them any more.
            with suppress(keyring.errors.KeyringError):
                keyring.delete_password(_SERVICE, self._path.stem)
        self._file.remove()


def _working_keyring() -> ModuleType | None:
    """Return the library of keyrings; None without it, or without a keyring that works."""
    if find_spec("keyring") is None:
        return None
    import keyring  # noqa: PLC0415 -- takes a tenth of a second, and not every process needs it
    import keyring.errors  # noqa: PLC0415

    # Without a keyring, the library has one of priority 0 that refuses everything.
    return keyring if keyring.get_keyring().priority >= 1 else None
