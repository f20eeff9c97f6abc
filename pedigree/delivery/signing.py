"""Sign messages, and encrypt the stored secrets.

Our own form is that of Standard Webhooks 1.0. MLflow's form has other names of headers, one
signature at most, and takes the bytes of the secret as they are.

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
    moment, content = _signed(message_id, at, payload)
    raws = (base64.b64decode(key.removeprefix(PREFIX)) for key in keys)
    return {
        "webhook-id": message_id,
        "webhook-timestamp": moment,
        "webhook-signature": " ".join(_signature(raw, content) for raw in raws),
    }


def mlflow_headers(
    keys: Iterable[str], message_id: str, at: datetime, payload: bytes
) -> dict[str, str]:
    """Return the headers of a message in MLflow's form; without a secret it has no signature.

    Args:
        keys: The secret, if there is one.
        message_id: The same at each attempt, so that a receiver detects a repetition.
        at: The time of sending.
        payload: The body.
    """
    moment, content = _signed(message_id, at, payload)
    headers = {"X-MLflow-Delivery-Id": message_id, "X-MLflow-Timestamp": moment}
    for key in keys:
        headers["X-MLflow-Signature"] = _signature(key.encode(), content)
    return headers


def _signed(message_id: str, at: datetime, payload: bytes) -> tuple[str, bytes]:
    moment = str(int(at.timestamp()))
    return moment, b".".join((message_id.encode(), moment.encode(), payload))


def _signature(key: bytes, content: bytes) -> str:
    return "v1," + base64.b64encode(hmac.digest(key, content, "sha256")).decode()


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
