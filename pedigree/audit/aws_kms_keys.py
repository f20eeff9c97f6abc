"""Keys of AWS KMS: ``PEDIGREE_AUDIT_KEY=awskms:alias/pedigree-log``.

The private key never leaves KMS. The versions of such a key are keys of their own, so a rotation
names two, the newest first: ``awskms:alias/new,alias/old``.
"""

import re
from collections.abc import Sequence
from contextlib import suppress
from typing import Any

from pedigree.audit.log_keys import SETTING, LogSigner, raw_public_key
from pedigree.errors import LogKeyError, PedigreeError, UnavailableError
from pedigree.libraries import library
from pedigree.postgres.transaction import Transaction

# The names of the API, by `aws kms get-public-key` and `aws kms sign`.
_SPEC, _USAGE, _ALGORITHM = "ECC_NIST_EDWARDS25519", "SIGN_VERIFY", "ED25519_SHA_512"
_KEY = re.compile(
    r"(arn:aws[a-z-]*:kms:(?P<region>[a-z0-9-]+):\d{12}:(key/[A-Za-z0-9-]+|alias/[\w/-]+)"
    r"|alias/[\w/-]+|[A-Za-z0-9-]+)",
    re.ASCII,
)
_LONGEST_NAME = 2048
_MOST_KEYS = 8
_SIGNATURE_BYTES = 64
_SERVER_FAULT = 500
# The sealer leads in a transaction meanwhile, and tries again itself.
_CONNECTING_S, _READING_S, _ATTEMPTS = 5, 10, 1
_LATER = frozenset(
    {
        *("DependencyTimeoutException", "KMSInternalException", "KeyUnavailableException"),
        *("LimitExceededException", "ThrottlingException", "ServiceUnavailable"),
        *("RequestTimeout", "InternalFailure", "ServiceUnavailableException"),
    }
)


class AwsKmsKeys:
    """The Ed25519 keys of AWS KMS that sign now.

    Credentials, the region and the endpoint are those of boto3: ``AWS_DEFAULT_REGION``,
    ``AWS_PROFILE``, ``AWS_ENDPOINT_URL_KMS``, the role of the machine. An ARN has its own region.

    Args:
        place: The id, the ARN or the alias of a key, or several by commas.

    Raises:
        LogKeyError: It is none of these.
    """

    def __init__(self, place: str) -> None:
        self._names = place.split(",")
        known = [len(name) <= _LONGEST_NAME and _KEY.fullmatch(name) for name in self._names]
        if not all(known) or len(known) > _MOST_KEYS:
            raise LogKeyError(
                "it is neither the id, nor the ARN, nor the alias of a key of AWS KMS",
                field=SETTING,
                remedy="Write it as awskms:alias/NAME, or as awskms:arn:aws:kms:…; at most"
                f" {_MOST_KEYS}, separated by commas",
            )
        self._clients: dict[str | None, Any] = {}
        self._signers: dict[str, AwsKmsSigner] = {}

    def signers(self, transaction: Transaction) -> Sequence[LogSigner]:  # noqa: ARG002
        """Return the keys that sign now, the newest first.

        Raises:
            LogKeyError: KMS refuses, or a key is not an Ed25519 key that signs.
            UnavailableError: KMS does not answer.
            MissingDependencyError: boto3 is not installed.
        """
        return tuple(map(self._signer, self._names))

    def _signer(self, name: str) -> "AwsKmsSigner":
        if name in self._signers:
            return self._signers[name]
        about = self.ask(name, "get_public_key", KeyId=name)
        found = about.get("KeySpec"), about.get("KeyUsage")
        if None in found:
            raise _unknown_answer(name)
        if found != (_SPEC, _USAGE) or _ALGORITHM not in about.get("SigningAlgorithms", ()):
            raise LogKeyError(
                "the key of AWS KMS is not an Ed25519 key that signs",
                field=SETTING,
                value=name,
                remedy=f"Make a key with the key spec {_SPEC} and the key usage {_USAGE}",
            )
        public, number = raw_public_key(about.get("PublicKey", b"")), about.get("KeyId")
        if public is None or not number:
            raise _unknown_answer(name)
        # The key itself signs, so that an alias that moves meanwhile changes nothing.
        signer = AwsKmsSigner(self, name, number, public)
        if "alias/" not in name:  # a key keeps its public key, and an alias may move
            self._signers[name] = signer
        return signer

    def ask(self, name: str, operation: str, **values: object) -> dict[str, Any]:
        """Return the answer of KMS about a key.

        Raises:
            LogKeyError: KMS refuses.
            UnavailableError: KMS does not answer.
        """
        client = self._client(name)
        exceptions = library("botocore.exceptions", extra="awskms")
        try:
            answer: dict[str, Any] = getattr(client, operation)(**values)
        except exceptions.ClientError as error:
            raise _refusal(name, error.response) from error
        except (exceptions.ConnectionError, exceptions.HTTPClientError) as error:
            raise UnavailableError(
                f"AWS KMS does not answer: {type(error).__name__}", field=SETTING, value=name
            ) from error
        except exceptions.BotoCoreError as error:
            raise _cannot_ask(name, error) from error
        except Exception as error:  # of the parser of answers, which has no base of its own
            raise _unknown_answer(name) from error
        return answer

    def _client(self, name: str) -> Any:
        match = _KEY.fullmatch(name)
        region = match["region"] if match else None
        if region in self._clients:
            return self._clients[region]
        exceptions = library("botocore.exceptions", extra="awskms")
        try:
            config = library("botocore.config", extra="awskms").Config(
                connect_timeout=_CONNECTING_S,
                read_timeout=_READING_S,
                retries={"total_max_attempts": _ATTEMPTS},
            )
            session = library("boto3", extra="awskms").Session(region_name=region)
            self._clients[region] = session.client("kms", config=config)
        except (exceptions.BotoCoreError, ValueError) as error:
            raise _cannot_ask(name, error) from error
        return self._clients[region]


class AwsKmsSigner:
    """One key.

    Args:
        keys: The key service.
        name: The key as the setting names it.
        number: The ARN of the key itself.
        public: Its public key, as 32 bytes.
    """

    def __init__(self, keys: AwsKmsKeys, name: str, number: str, public: bytes) -> None:
        self._keys = keys
        self._name = name
        self._number = number
        self.public = public

    def sign(self, content: bytes) -> bytes:
        """Return the signature of some bytes.

        Raises:
            LogKeyError: KMS refuses, or answers with something else.
            UnavailableError: KMS does not answer.
        """
        answer = self._keys.ask(
            self._name,
            "sign",
            KeyId=self._number,
            Message=content,
            MessageType="RAW",
            SigningAlgorithm=_ALGORITHM,
        )
        signature = answer.get("Signature", b"")
        found = answer.get("KeyId"), answer.get("SigningAlgorithm"), len(signature)
        if found != (self._number, _ALGORITHM, _SIGNATURE_BYTES):
            raise _unknown_answer(self._name)
        return bytes(signature)


def _refusal(name: str, response: dict[str, Any]) -> PedigreeError:
    """Return the error for a refusal; it has the code alone, since a text may say more."""
    code, status = "", 0
    with suppress(KeyError, TypeError):
        code = re.sub(r"[^A-Za-z]", "", str(response["Error"]["Code"]))[:64]
        status = response["ResponseMetadata"]["HTTPStatusCode"]
    said = code or f"status {status}"
    if code in _LATER or status >= _SERVER_FAULT:
        return UnavailableError(f"AWS KMS is not available: {said}", field=SETTING, value=name)
    return LogKeyError(
        f"AWS KMS refused: {said}",
        field=SETTING,
        value=name,
        remedy="Enable the key, and permit kms:GetPublicKey and kms:Sign for it",
    )


def _cannot_ask(name: str, error: Exception) -> LogKeyError:
    return LogKeyError(
        f"AWS KMS cannot be asked: {type(error).__name__}",
        field=SETTING,
        value=name,
        remedy="Give the credentials and the region that boto3 needs, such as AWS_PROFILE and"
        " AWS_DEFAULT_REGION",
    )


def _unknown_answer(name: str) -> LogKeyError:
    return LogKeyError(
        "AWS KMS answered with something else",
        field=SETTING,
        value=name,
        remedy="Check AWS_ENDPOINT_URL_KMS, and the proxy before it",
    )
