"""Sign messages according to Standard Webhooks 1.0, and encrypt the stored secrets.

https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md
"""

import base64
import hmac
import secrets
from collections.abc import Iterable
from datetime import datetime
from typing import Any

from pedigree.errors import SecretKeyError
from pedigree.libraries import library
from pedigree.settings import Settings

PREFIX = "whsec_"
# The standard requires 24 to 64.
_SECRET_BYTES = 32


def new_secret() -> str:
    """Return a new random secret."""
    return PREFIX + base64.b64encode(secrets.token_bytes(_SECRET_BYTES)).decode()


def signed_headers(
    keys: Iterable[str], message_id: str, at: datetime, payload: bytes
) -> dict[str, str]:
    """Return the headers with which a receiver verifies the sender and the time of a message.

    Args:
        keys: The secret, and the previous one while that also signs.
        message_id: The same at each attempt, so that a receiver detects a repetition.
        at: The time of sending.
        payload: The body.
    """
    moment = str(int(at.timestamp()))
    content = b".".join((message_id.encode(), moment.encode(), payload))
    return {
        "webhook-id": message_id,
        "webhook-timestamp": moment,
        "webhook-signature": " ".join(_signature(key, content) for key in keys),
    }


def _signature(key: str, content: bytes) -> str:
    raw = base64.b64decode(key.removeprefix(PREFIX))
    return "v1," + base64.b64encode(hmac.digest(raw, content, "sha256")).decode()


class SecretBox:
    """Encrypts secrets before they are stored.

    Args:
        settings: Their ``secret_key`` may have several keys: the first encrypts, each decrypts.

    Raises:
        SecretKeyError: There is no key, or one of them is invalid.
        MissingDependencyError: The encryption library is not installed.
    """

    def __init__(self, settings: Settings) -> None:
        given = settings.secret_key.get_secret_value() if settings.secret_key else ""
        fernet = library("cryptography.fernet", extra="webhooks")
        keys = [word.strip() for word in given.split(",") if word.strip()]
        if not keys:
            raise _key_error("it is not set, so no secret can be stored or read")
        try:
            self._box: Any = fernet.MultiFernet([fernet.Fernet(key) for key in keys])
        except ValueError as error:
            raise _key_error("one of its keys is not 32 bytes in base64") from error
        self._refused: type[Exception] = fernet.InvalidToken

    def seal(self, secret: str) -> bytes:
        """Return the encrypted form of a secret."""
        return bytes(self._box.encrypt(secret.encode()))

    def open(self, kept: bytes) -> str:
        """Return the decrypted secret.

        Raises:
            SecretKeyError: It was encrypted with a key that is not available.
        """
        try:
            return str(self._box.decrypt(kept).decode())
        except self._refused as error:
            raise _key_error("it is not the key that encrypted the stored secret") from error


def _key_error(message: str) -> SecretKeyError:
    return SecretKeyError(
        message,
        field="PEDIGREE_SECRET_KEY",
        remedy="Set it to the output of `openssl rand -base64 32`, the same in every process",
    )
