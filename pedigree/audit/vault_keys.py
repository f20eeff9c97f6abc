"""Keys of HashiCorp Vault's transit engine: ``PEDIGREE_AUDIT_KEY=vault:https://…/v1/transit/NAME``.

The private key never leaves Vault. The versions of a key from ``min_decryption_version`` on sign:
``vault write -f transit/keys/NAME/rotate`` begins a rotation, and raising that version ends it.
"""

import base64
import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx2

from pedigree.audit.log_keys import SETTING, LogSigner
from pedigree.errors import LogKeyError, UnavailableError
from pedigree.postgres.transaction import Transaction

_TIMEOUT_S = 10.0
_LARGEST_ANSWER = 256 << 10
_MOST_VERSIONS = 8
_KEY_BYTES, _SIGNATURE_BYTES = 32, 64


class VaultKeys:
    """The versions of one Ed25519 key of a transit engine that sign now.

    The token comes from ``VAULT_TOKEN``, or the file ``VAULT_TOKEN_FILE`` that an agent renews, at
    each use; ``VAULT_NAMESPACE`` and ``VAULT_CACERT`` count, too.

    Args:
        place: The URL of the engine, and the name of the key after it.

    Raises:
        LogKeyError: It is not such a URL.
    """

    def __init__(self, place: str) -> None:
        engine, _, self._name = place.rpartition("/")
        parts = urlsplit(engine)
        if parts.scheme not in ("https", "http") or not parts.hostname or not self._name:
            raise LogKeyError(
                "it is not the URL of a transit engine with the name of a key",
                field=SETTING,
                remedy="Write it as vault:https://vault.example/v1/transit/NAME",
            )
        if parts.username is not None or parts.query or parts.fragment:
            raise LogKeyError("the URL of Vault has neither user nor query", field=SETTING)
        self._engine = engine

    def signers(self, transaction: Transaction) -> Sequence[LogSigner]:  # noqa: ARG002
        """Return the versions of the key that sign now, the newest first.

        Raises:
            LogKeyError: Vault refuses, or the key is not an Ed25519 key.
            UnavailableError: Vault does not answer.
        """
        about = self.ask("GET", f"keys/{self._name}")
        first, versions = about.get("min_decryption_version"), about.get("keys")
        if about.get("type") != "ed25519" or not isinstance(versions, dict):
            raise LogKeyError("the key of Vault is not an Ed25519 key", field=SETTING)
        least = first if isinstance(first, int) else 1
        try:
            numbers = sorted((n for n in map(int, versions) if n >= least), reverse=True)
            return tuple(
                VaultSigner(self, self._name, number, versions[str(number)]["public_key"])
                for number in numbers[:_MOST_VERSIONS]
            )
        except (KeyError, TypeError, ValueError) as error:
            raise _unknown_answer() from error

    def ask(self, method: str, path: str, content: dict[str, Any] | None = None) -> dict[str, Any]:
        """Return the data of an answer of the engine.

        Raises:
            LogKeyError: Vault refuses.
            UnavailableError: Vault does not answer.
        """
        headers = {"X-Vault-Token": _token(), "X-Vault-Request": "true"}
        if namespace := os.environ.get("VAULT_NAMESPACE"):
            headers["X-Vault-Namespace"] = namespace
        try:
            with (
                httpx2.Client(
                    timeout=_TIMEOUT_S,
                    verify=os.environ.get("VAULT_CACERT") or True,
                    trust_env=False,
                ) as client,
                client.stream(
                    method, f"{self._engine}/{path}", headers=headers, json=content
                ) as answer,
            ):
                body = _bounded(answer)
                status = answer.status_code
        except (httpx2.HTTPError, OSError) as error:
            raise UnavailableError(
                f"Vault does not answer: {type(error).__name__}", field=SETTING
            ) from error
        if status != httpx2.codes.OK:
            raise LogKeyError(
                f"Vault refused with status {status}",
                field=SETTING,
                remedy="Give the token a policy for transit/keys/NAME and transit/sign/NAME",
            )
        return _data(body)


class VaultSigner:
    """One version of a key.

    Args:
        keys: The engine.
        name: The name of the key.
        number: Its version.
        encoded: Its public key in base64.

    Raises:
        ValueError: It is not a public Ed25519 key.
    """

    def __init__(self, keys: VaultKeys, name: str, number: int, encoded: str) -> None:
        self._keys = keys
        self._name = name
        self._number = number
        self.public = base64.b64decode(encoded, validate=True)
        if len(self.public) != _KEY_BYTES:
            raise ValueError("the public key has another length")

    def sign(self, content: bytes) -> bytes:
        """Return the signature of some bytes.

        Raises:
            LogKeyError: Vault refuses, or answers with something else.
            UnavailableError: Vault does not answer.
        """
        asked = {"input": base64.b64encode(content).decode(), "key_version": self._number}
        data = self._keys.ask("POST", f"sign/{self._name}", asked)
        prefix, _, encoded = str(data.get("signature")).rpartition(":")
        try:
            signature = base64.b64decode(encoded, validate=True)
        except ValueError as error:
            raise _unknown_answer() from error
        if prefix != f"vault:v{self._number}" or len(signature) != _SIGNATURE_BYTES:
            raise _unknown_answer()
        return signature


def _token() -> str:
    path = os.environ.get("VAULT_TOKEN_FILE")
    try:
        token = Path(path).read_text("utf-8") if path else os.environ.get("VAULT_TOKEN", "")
    except (OSError, UnicodeDecodeError) as error:
        raise LogKeyError(
            "the file of the token cannot be read", field="VAULT_TOKEN_FILE"
        ) from error
    if not token.strip() or not token.strip().isprintable() or not token.isascii():
        raise LogKeyError(
            "there is no token for Vault",
            field="VAULT_TOKEN",
            remedy="Set it, or VAULT_TOKEN_FILE",
        )
    return token.strip()


def _bounded(answer: httpx2.Response) -> bytes:
    body = bytearray()
    for chunk in answer.iter_bytes():
        body += chunk
        if len(body) > _LARGEST_ANSWER:
            raise _unknown_answer()
    return bytes(body)


def _data(body: bytes) -> dict[str, Any]:
    try:
        data = json.loads(body)["data"]
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise _unknown_answer() from error
    if not isinstance(data, dict):
        raise _unknown_answer()
    return data


def _unknown_answer() -> LogKeyError:
    return LogKeyError("Vault answered with something else", field=SETTING)
