"""Keys of Google Cloud KMS: ``PEDIGREE_AUDIT_KEY=gcpkms:projects/…/cryptoKeys/NAME``.

The private key never leaves KMS. All enabled versions of a key sign: ``gcloud kms keys versions
create`` begins a rotation, and disabling the old version ends it.
"""

import base64
import json
import re
from collections.abc import Sequence
from functools import cached_property
from typing import Any

from pedigree.audit.crc32c import crc32c
from pedigree.audit.gcp_session import GcpSession
from pedigree.audit.log_keys import SETTING, LogSigner, raw_public_key
from pedigree.errors import LogKeyError
from pedigree.postgres.transaction import Transaction

_ALGORITHM = "EC_SIGN_ED25519"
_KEY = re.compile(
    r"(?P<key>projects/[a-z0-9.:-]+/locations/[a-z0-9-]+/keyRings/[\w-]{1,63}/cryptoKeys/[\w-]{1,63})"
    r"(/cryptoKeyVersions/(?P<version>[0-9]{1,9}))?",
    re.ASCII,
)
_VERSION = re.compile(r"/cryptoKeyVersions/([0-9]{1,9})", re.ASCII)
_ENABLED = "filter=state%3DENABLED&pageSize=100"
_MOST_VERSIONS = 8
_SIGNATURE_BYTES = 64


class GcpKmsKeys:
    """The versions of one Ed25519 key of Google Cloud KMS that sign now.

    The credentials are those of Google's own libraries: ``GOOGLE_APPLICATION_CREDENTIALS``, a
    login of ``gcloud``, the service account of the machine or of the workload.

    Args:
        place: The resource name of the key, or of one version of it, which then signs alone.

    Raises:
        LogKeyError: It is neither.
    """

    def __init__(self, place: str) -> None:
        match = _KEY.fullmatch(place)
        if match is None:
            raise LogKeyError(
                "it is not the resource name of a key of Google Cloud KMS",
                field=SETTING,
                remedy="Write it as gcpkms:projects/PROJECT/locations/LOCATION/keyRings/RING"
                "/cryptoKeys/NAME",
            )
        self._key = match["key"]
        self._only = int(match["version"]) if match["version"] else None
        self._signers: dict[int, GcpKmsSigner] = {}

    def signers(self, transaction: Transaction) -> Sequence[LogSigner]:  # noqa: ARG002
        """Return the versions of the key that sign now, the newest first.

        Raises:
            LogKeyError: KMS refuses, or a version is not an Ed25519 key.
            UnavailableError: KMS does not answer.
            MissingDependencyError: google-auth is not installed.
        """
        return tuple(map(self._signer, self._enabled() if self._only is None else [self._only]))

    def ask(self, method: str, name: str, content: dict[str, Any] | None = None) -> dict[str, Any]:
        """Return an answer of KMS.

        Raises:
            LogKeyError: KMS refuses, or answers with something else.
            UnavailableError: KMS does not answer.
        """
        body = self._session.ask(method, name, content)
        try:
            answer = json.loads(body)
        except (ValueError, RecursionError) as error:
            raise _unknown_answer() from error
        if not isinstance(answer, dict):
            raise _unknown_answer()
        return answer

    @cached_property
    def _session(self) -> GcpSession:
        return GcpSession()

    def _enabled(self) -> list[int]:
        """Return the numbers of the enabled versions, the newest first."""
        answer = self.ask("GET", f"{self._key}/cryptoKeyVersions?{_ENABLED}")
        versions = answer.get("cryptoKeyVersions", [])
        if not isinstance(versions, list) or not all(isinstance(one, dict) for one in versions):
            raise _unknown_answer()
        if not versions or len(versions) > _MOST_VERSIONS:
            raise LogKeyError(
                f"the key has {len(versions) or 'no'} enabled versions",
                field=SETTING,
                value=self._key,
                remedy=f"Enable 1 to {_MOST_VERSIONS} versions: those that sign now",
            )
        return sorted((self._number(str(one.get("name"))) for one in versions), reverse=True)

    def _number(self, name: str) -> int:
        match = _VERSION.fullmatch(name.removeprefix(self._key))
        if match is None:
            raise _unknown_answer()
        return int(match[1])

    def _signer(self, number: int) -> "GcpKmsSigner":
        if number not in self._signers:  # a version keeps its public key
            name = f"{self._key}/cryptoKeyVersions/{number}"
            self._signers[number] = GcpKmsSigner(self, name, self._public(name))
        return self._signers[number]

    def _public(self, name: str) -> bytes:
        answer = self.ask("GET", f"{name}/publicKey")
        if answer.get("algorithm") != _ALGORITHM:
            raise LogKeyError(
                "the version is not an Ed25519 key that signs",
                field=SETTING,
                value=name,
                remedy="Make a key with the purpose asymmetric-signing and the algorithm"
                " ec-sign-ed25519",
            )
        content = str(answer.get("pem")).encode()
        if answer.get("name") != name:
            raise _unknown_answer()
        require_checksum(content, answer.get("pemCrc32c"), "the public key")
        public = raw_public_key(content)
        if public is None:
            raise _unknown_answer()
        return public


class GcpKmsSigner:
    """One version of a key.

    Args:
        keys: The key service.
        name: The resource name of the version.
        public: Its public key, as 32 bytes.
    """

    def __init__(self, keys: GcpKmsKeys, name: str, public: bytes) -> None:
        self._keys = keys
        self._name = name
        self.public = public

    def sign(self, content: bytes) -> bytes:
        """Return the signature of some bytes.

        Raises:
            LogKeyError: KMS refuses, answers with something else, or a checksum differs.
            UnavailableError: KMS does not answer.
        """
        asked = {"data": base64.b64encode(content).decode(), "dataCrc32c": str(crc32c(content))}
        answer = self._keys.ask("POST", f"{self._name}:asymmetricSign", asked)
        try:
            signature = base64.b64decode(str(answer.get("signature")), validate=True)
        except ValueError as error:
            raise _unknown_answer() from error
        if answer.get("name") != self._name or len(signature) != _SIGNATURE_BYTES:
            raise _unknown_answer()
        if answer.get("verifiedDataCrc32c") is not True:
            raise _damaged("what KMS received")
        require_checksum(signature, answer.get("signatureCrc32c"), "the signature")
        return signature


def require_checksum(content: bytes, stated: object, what: str) -> None:
    """Require that some bytes have the CRC-32C that KMS states.

    Raises:
        LogKeyError: They have another one, or KMS states none.
    """
    if str(stated) != str(crc32c(content)):
        raise _damaged(what)


def _damaged(what: str) -> LogKeyError:
    return LogKeyError(
        f"the checksum of {what} differs, so it was changed on its way",
        field=SETTING,
        remedy="Check the proxy and the network between this process and Google Cloud KMS",
    )


def _unknown_answer() -> LogKeyError:
    return LogKeyError(
        "Google Cloud KMS answered with something else",
        field=SETTING,
        remedy="Check CLOUDSDK_API_ENDPOINT_OVERRIDES_CLOUDKMS, and the proxy before it",
    )
