"""Sign messages as Standard Webhooks 1.0 says, and keep what signs them encrypted.

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
# The standard asks for 24 to 64.
_SECRET_BYTES = 32


def new_secret() -> str:
    """Return a secret that nobody has seen."""
    return PREFIX + base64.b64encode(secrets.token_bytes(_SECRET_BYTES)).decode()


def signed_headers(
    keys: Iterable[str], message_id: str, at: datetime, payload: bytes
) -> dict[str, str]:
    """Return the headers by which a receiver knows who sent a message, and when.

    Args:
        keys: The secret, and the one before it while that signs as well.
        message_id: The same at each try, so that a receiver knows a repetition.
        at: When it is sent.
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
    """Encrypts secrets before they are kept.

    Args:
        settings: Their ``secret_key`` may hold several keys: the first encrypts, each decrypts.

    Raises:
        SecretKeyError: There is no key, or one of them is none.
        MissingDependencyError: The library that encrypts is not installed.
    """

    def __init__(self, settings: Settings) -> None:
        given = settings.secret_key.get_secret_value() if settings.secret_key else ""
        fernet = library("cryptography.fernet", extra="webhooks")
        keys = [word.strip() for word in given.split(",") if word.strip()]
        if not keys:
            raise _key_error("it is not set, so no secret can be kept or read")
        try:
            self._box: Any = fernet.MultiFernet([fernet.Fernet(key) for key in keys])
        except ValueError as error:
            raise _key_error("one of its keys is not 32 bytes in base64") from error
        self._refused: type[Exception] = fernet.InvalidToken

    def seal(self, secret: str) -> bytes:
        """Return a secret as it is kept."""
        return bytes(self._box.encrypt(secret.encode()))

    def open(self, kept: bytes) -> str:
        """Return the secret that was kept.

        Raises:
            SecretKeyError: It was kept by a key that is not here.
        """
        try:
            return str(self._box.decrypt(kept).decode())
        except self._refused as error:
            raise _key_error("it is not the key that the webhook's secret was kept by") from error


def _key_error(message: str) -> SecretKeyError:
    return SecretKeyError(
        message,
        field="PEDIGREE_SECRET_KEY",
        remedy="Set it to what `openssl rand -base64 32` prints, the same in every process",
    )
