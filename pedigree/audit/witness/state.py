"""The file of a witness: its key, and the newest checkpoint of each log that it cosigned."""

import fcntl
import json
import os
import stat
from collections.abc import Callable, Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, NamedTuple, Self
from uuid import uuid4

from pedigree.audit.log_keys import LocalSigner
from pedigree.audit.verifier.cosignatures import WitnessKey, open_cosignatures
from pedigree.audit.verifier.hashes import UnverifiedLogError
from pedigree.audit.verifier.notes import read_checkpoint
from pedigree.errors import InvalidInputError

_FIELD = "--state"
# A note has some hundred bytes; a witness of ten thousand logs has less.
_LARGEST = 16 << 20


class Witnessed(NamedTuple):
    """The newest checkpoint of a log that the witness cosigned."""

    note: str
    at: int
    """The time of the cosignature, in seconds since 1970."""

    @property
    def size(self) -> int:
        """How many events it covers."""
        return read_checkpoint(self.note).size


class WitnessState:
    """The file of a witness, which this process alone uses while it is open.

    Args:
        path: The file; it is made with a new key if it does not exist.
        name: The name of a new witness.

    Raises:
        InvalidInputError: The file cannot be used: others may read it, another process uses it, it
            has another form, or it belongs to a witness of another name.
    """

    def __init__(self, path: Path, name: str | None) -> None:
        self._path = path
        self._held: int | None = None
        self._logs: dict[str, Witnessed] = {}
        try:
            self._held = self._locked()
            if self._held is None:
                self._begin(name)
            else:
                self._load(name)
        except OSError as error:
            self.close()
            raise self._error(f"the file cannot be used: {error.strerror}") from error
        except BaseException:
            self.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Let other processes use the file."""
        if self._held is not None:
            os.close(self._held)
            self._held = None

    @property
    def sign(self) -> Callable[[bytes], bytes]:
        """Signs by the private key."""
        return self._signer.sign

    def newest(self, origin: str) -> Witnessed | None:
        """Return the newest checkpoint of a log that the witness cosigned."""
        return self._logs.get(origin)

    def advance(self, origin: str, witnessed: Witnessed) -> None:
        """Keep a newer checkpoint of a log; it is on the disk on return.

        Raises:
            InvalidInputError: The file cannot be written; nothing changed.
            ValueError: It is older than the one that is kept.
        """
        before = self._logs.get(origin)
        if before and (witnessed.size < before.size or witnessed.at < before.at):
            raise ValueError("a witness never goes back")
        logs = {**self._logs, origin: witnessed}
        try:
            self._write(logs)
        except OSError as error:
            raise self._error(f"the file cannot be written: {error.strerror}") from error
        self._logs = logs

    def _begin(self, name: str | None) -> None:
        if not name or any(letter.isspace() or letter == "+" for letter in name):
            raise InvalidInputError(
                "a new witness needs a name without spaces and plus signs",
                field="--name",
                value=name,
                remedy="Give a URL without a scheme, such as witness.example.com/registry",
            )
        self._signer = LocalSigner.new()
        self.key = WitnessKey(name, self._signer.public)
        self._write({})

    def _load(self, name: str | None) -> None:
        try:
            content = json.loads(self._read())
            if not isinstance(content["name"], str):
                raise TypeError("the name is not text")
            self._signer = LocalSigner.of_text(content["key"])
            self.key = WitnessKey(content["name"], self._signer.public)
            self._logs = {
                origin: Witnessed(kept["note"], kept["at"])
                for origin, kept in content["logs"].items()
            }
            self._require_own()
        except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
            raise self._error("the file is not the state of a witness") from error
        if name is not None and name != self.key.name:
            raise InvalidInputError(
                f"the witness of the file has the name {self.key.name}", field="--name", value=name
            )

    def _require_own(self) -> None:
        """Require that this witness cosigned what the file says."""
        for origin, kept in self._logs.items():
            found = open_cosignatures(kept.note, [self.key])
            if [each.at for each in found] != [kept.at]:
                raise UnverifiedLogError("a checkpoint is not cosigned")
            if read_checkpoint(kept.note).origin != origin:
                raise UnverifiedLogError("a checkpoint is one of another log")

    def _locked(self) -> int | None:
        """Return the open file after locking it; None if there is none."""
        while True:
            try:
                held = os.open(self._path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW)
            except FileNotFoundError:
                return None
            try:
                fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
                if _is_at(held, self._path):
                    return held
            except BlockingIOError as error:
                os.close(held)
                raise self._error("another process uses the file") from error
            os.close(held)  # it was replaced before it was locked

    def _read(self) -> bytes:
        status = os.fstat(self._held or 0)
        if not stat.S_ISREG(status.st_mode) or status.st_uid != os.getuid():
            raise self._error("the state is not a regular file of this user")
        if status.st_mode & 0o077:
            mode = f"{stat.S_IMODE(status.st_mode):04o}"
            raise self._error(f"others may read the file: its mode is {mode}")
        with os.fdopen(os.dup(self._held or 0), "rb") as file:
            return file.read(_LARGEST)

    def _write(self, logs: Mapping[str, Witnessed]) -> None:
        content: dict[str, Any] = {
            "name": self.key.name,
            "key": self._signer.to_text(),
            "logs": {origin: each._asdict() for origin, each in logs.items()},
        }
        new = self._path.with_name(f".{self._path.name}.{uuid4().hex}")
        flags = os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC | os.O_NOFOLLOW
        held = os.open(new, flags, 0o600)
        try:
            fcntl.flock(held, fcntl.LOCK_EX)
            with os.fdopen(os.dup(held), "wb") as file:
                file.write(json.dumps(content).encode())
                file.flush()
                os.fsync(held)
            if self._held is None:
                os.link(new, self._path)  # fails if another process was faster
            else:
                new.replace(self._path)
            _sync_folder(self._path.parent)
        except BaseException:
            os.close(held)
            raise
        finally:
            new.unlink(missing_ok=True)
        self.close()
        self._held = held

    def _error(self, message: str) -> InvalidInputError:
        return InvalidInputError(
            message,
            field=_FIELD,
            value=str(self._path),
            remedy="Name the file of this witness, of mode 0600; a new one makes a new witness",
        )


def _is_at(held: int, path: Path) -> bool:
    opened = os.fstat(held)
    try:
        now = path.stat(follow_symlinks=False)
    except FileNotFoundError:
        return False
    return (opened.st_dev, opened.st_ino) == (now.st_dev, now.st_ino)


def _sync_folder(folder: Path) -> None:
    opened = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(opened)
    finally:
        os.close(opened)
