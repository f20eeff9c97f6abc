"""The private keys that sign the log: in a file, encrypted in the database, or in a key service.

A key service is a plug-in: an entry point of the group ``pedigree.log_keys``, named as the scheme
of ``PEDIGREE_AUDIT_KEY``, that returns :class:`LogKeys` for the rest of the setting.
"""

import base64
import os
import re
import stat
from collections.abc import Callable, Sequence
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any, Protocol

from pedigree.errors import LogKeyError, PedigreeError
from pedigree.libraries import library
from pedigree.postgres.queries import load_queries
from pedigree.postgres.transaction import Transaction

GROUP = "pedigree.log_keys"
SETTING = "PEDIGREE_AUDIT_KEY"
IN_DATABASE = "database"
"""The value of the setting for keys that the database keeps."""
_SQL = load_queries(__package__)
_PEM = re.compile(r"-----BEGIN [^-]+-----.*?-----END [^-]+-----", re.DOTALL)
# The file of a key with its certificate chain of old keys is far smaller.
_LARGEST_FILE = 64 << 10


class LogSigner(Protocol):
    """A private Ed25519 key."""

    @property
    def public(self) -> bytes:
        """The public key, as 32 bytes."""

    def sign(self, content: bytes) -> bytes:
        """Return the signature of some bytes.

        Raises:
            PedigreeError: The key service does not answer.
        """


class LogKeys(Protocol):
    """The place of the private keys that sign now."""

    def signers(self, transaction: Transaction) -> Sequence[LogSigner]:
        """Return the keys that sign now: one, or several while one replaces another.

        Args:
            transaction: A transaction of the sealer that leads.

        Raises:
            PedigreeError: They cannot be used.
        """


class SecretStorage(Protocol):
    """Encrypts a secret before it is stored."""

    def seal(self, secret: str) -> bytes:
        """Return the encrypted form of a secret."""

    def open(self, kept: bytes) -> str:
        """Return the decrypted secret."""


class LocalSigner:
    """A private key in the memory of this process.

    Args:
        key: An Ed25519 private key of ``cryptography``.
    """

    def __init__(self, key: Any) -> None:
        self._key = key
        self.public: bytes = key.public_key().public_bytes_raw()

    @classmethod
    def new(cls) -> "LocalSigner":
        """Return a new random key."""
        return cls(_ed25519().Ed25519PrivateKey.generate())

    @classmethod
    def of_text(cls, text: str) -> "LocalSigner":
        """Return the key that :meth:`to_text` wrote."""
        return cls(_ed25519().Ed25519PrivateKey.from_private_bytes(base64.b64decode(text)))

    def to_text(self) -> str:
        """Return the private key as text."""
        return base64.b64encode(self._key.private_bytes_raw()).decode()

    def sign(self, content: bytes) -> bytes:
        """Return the signature of some bytes."""
        return bytes(self._key.sign(content))

    def __repr__(self) -> str:
        return f"LocalSigner({self.public.hex()})"


class KeyFile:
    """Keys in a PEM file, the newest first: each signs, so two of them overlap in a rotation.

    Args:
        path: The file; only its owner may read it.
    """

    def __init__(self, path: Path) -> None:
        self._path = path

    def signers(self, transaction: Transaction) -> Sequence[LogSigner]:  # noqa: ARG002
        """Return the keys of the file.

        Raises:
            LogKeyError: The file cannot be read, others may read it, or a key is not Ed25519.
        """
        blocks = _PEM.findall(self._read())
        if not blocks:
            raise self._error("the file has no private key in PEM")
        return tuple(map(self._signer, blocks))

    def _read(self) -> str:
        try:
            descriptor = os.open(self._path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
            with os.fdopen(descriptor, encoding="ascii") as file:
                status = os.fstat(file.fileno())
                if not stat.S_ISREG(status.st_mode):
                    raise self._error("the key is not a regular file")
                if status.st_mode & 0o077:
                    mode = f"{stat.S_IMODE(status.st_mode):04o}"
                    raise self._error(f"others may read the key file: its mode is {mode}")
                return file.read(_LARGEST_FILE)
        except (OSError, UnicodeDecodeError) as error:
            reason = error.strerror if isinstance(error, OSError) else "it is not a PEM file"
            raise self._error(f"the key file cannot be read: {reason}") from error

    def _signer(self, block: str) -> LocalSigner:
        serialization = library("cryptography.hazmat.primitives.serialization", extra="registry")
        try:
            key = serialization.load_pem_private_key(block.encode(), password=None)
        except Exception as error:  # a codec's own types, which no list covers
            raise self._error("a key of the file cannot be parsed, or has a password") from error
        if not isinstance(key, _ed25519().Ed25519PrivateKey):
            raise self._error("a key of the file is not an Ed25519 key")
        return LocalSigner(key)

    def _error(self, message: str) -> LogKeyError:
        return LogKeyError(
            message,
            field=SETTING,
            value=str(self._path),
            remedy="Make one with `openssl genpkey -algorithm ed25519 -out FILE`, and"
            " `chmod 600 FILE`",
        )


class StoredKeys:
    """Keys that the database keeps, encrypted with ``PEDIGREE_SECRET_KEY``.

    Args:
        secrets: Encrypts and decrypts them.
        create: Creates the first key in a transaction of the sealer that leads.
    """

    def __init__(
        self, secrets: SecretStorage, create: Callable[[Transaction, SecretStorage], object]
    ) -> None:
        self._secrets = secrets
        self._create = create
        self._opened: dict[bytes, LocalSigner] = {}

    def signers(self, transaction: Transaction) -> Sequence[LogSigner]:
        """Return the stored keys; the first call in a new registry creates one.

        Raises:
            SecretKeyError: They were encrypted with another secret key.
        """
        rows = transaction.execute(_SQL["stored_log_keys"]).fetchall()
        if not rows:
            self._create(transaction, self._secrets)
            rows = transaction.execute(_SQL["stored_log_keys"]).fetchall()
        opened = self._opened
        self._opened = {
            kept: opened.get(kept) or LocalSigner.of_text(self._secrets.open(kept))
            for kept in (bytes(row["private_key"]) for row in rows)
        }
        return tuple(self._opened.values())


def keys_of_service(setting: str) -> LogKeys:
    """Return the keys of a key service, by the plug-in that its scheme names.

    Raises:
        LogKeyError: No installed plug-in has this name, or it fails.
    """
    scheme, _, rest = setting.partition(":")
    for entry_point in entry_points(group=GROUP, name=scheme):
        try:
            keys: LogKeys = entry_point.load()(rest)
        except PedigreeError:
            raise
        except Exception as error:  # code of others
            raise LogKeyError(
                f"the plug-in failed: {type(error).__name__}", field=SETTING, value=scheme
            ) from error
        return keys
    raise LogKeyError(
        "it is neither a file, nor `database`, nor the scheme of an installed plug-in",
        field=SETTING,
        value=scheme,
        remedy=f"Name a file by its absolute path, or install a plug-in of the group {GROUP}",
    )


def raw_public_key(content: bytes) -> bytes | None:
    """Return the 32 bytes of a public Ed25519 key in PEM or DER; None if it is something else."""
    serialization = library("cryptography.hazmat.primitives.serialization", extra="registry")
    is_pem = content.startswith(b"-----BEGIN ")
    read = serialization.load_pem_public_key if is_pem else serialization.load_der_public_key
    try:
        key = read(content)
    except Exception:  # a codec's own types, which no list covers
        return None
    return key.public_bytes_raw() if isinstance(key, _ed25519().Ed25519PublicKey) else None


def _ed25519() -> Any:
    return library("cryptography.hazmat.primitives.asymmetric.ed25519", extra="registry")
