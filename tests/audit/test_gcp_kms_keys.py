"""Keys of Google Cloud KMS sign the log; what it answers wrongly is a typed error."""

import base64
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)
from joserfc import jwt
from joserfc.jwk import RSAKey

from pedigree.audit.crc32c import crc32c
from pedigree.audit.gcp_kms_keys import GcpKmsKeys
from pedigree.audit.gcp_session import ENDPOINT
from pedigree.audit.key_history import known_keys
from pedigree.audit.sealer import Sealer, checkpoint_over
from pedigree.audit.verifier.notes import LogKey, open_checkpoint
from pedigree.errors import LogKeyError, UnavailableError
from pedigree.postgres.database import Database
from tests.audit.key_services import Reply, Request, new_key, serving
from tests.audit.sealing import ACTOR, add_events, require_sealed

KEY = "projects/ml/locations/europe-west3/keyRings/registry/cryptoKeys/log"
ACCOUNT = "sealer@ml.iam.gserviceaccount.com"
TOKEN = "ya29.secret"


def version(number: int) -> str:
    return f"{KEY}/cryptoKeyVersions/{number}"


@dataclass
class CloudKms:
    """Cloud KMS with one key, and the endpoint of tokens of its account."""

    account: rsa.RSAPrivateKey
    versions: dict[int, Ed25519PrivateKey] = field(default_factory=lambda: {1: new_key()})
    enabled: set[int] = field(default_factory=lambda: {1})
    requests: list[str] = field(default_factory=list)
    # What it answers instead, by the last word of the path.
    answers: dict[str, Reply] = field(default_factory=dict)
    # Changes of right answers, by the same word.
    changes: dict[str, Callable[[dict[str, Any]], object]] = field(default_factory=dict)

    def answer(self, request: Request) -> Reply:
        """Answer as the REST API does."""
        parts = urlsplit(request.path)
        word = parts.path.rpartition("/")[2].rpartition(":")[2]
        self.requests.append(f"{request.method} {word}")
        if word in self.answers:
            return self.answers[word]
        if word == "token":
            return self._token(request)
        if request.headers.get("Authorization") != f"Bearer {TOKEN}":
            return Reply.of(403, error={"message": f"not {TOKEN}"})
        place = parts.path.removeprefix("/v1/").removesuffix(":asymmetricSign")
        made = self._made(request, place.removesuffix("/publicKey"), word)
        self.changes.get(word, dict)(made)
        return Reply.of(**made)

    def _token(self, request: Request) -> Reply:
        """A token for an assertion of the account (RFC 7523)."""
        (assertion,) = parse_qs(request.body.decode())["assertion"]
        public = RSAKey.import_key(
            self.account.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
        )
        claims = jwt.decode(assertion, public, algorithms=["RS256"]).claims
        assert claims["iss"] == ACCOUNT
        assert claims["scope"] == "https://www.googleapis.com/auth/cloudkms"
        return Reply.of(access_token=TOKEN, token_type="Bearer", expires_in=3600)

    def _made(self, request: Request, place: str, word: str) -> dict[str, Any]:
        if word == "cryptoKeyVersions":
            assert (request.method, place) == ("GET", f"{KEY}/cryptoKeyVersions")
            assert "filter=state%3DENABLED" in request.path
            listed = [{"name": version(each), "state": "ENABLED"} for each in sorted(self.enabled)]
            return {"cryptoKeyVersions": listed, "totalSize": len(listed)}
        key = self.versions[int(place.rpartition("/")[2])]
        if word == "publicKey":
            return {"name": place, "algorithm": "EC_SIGN_ED25519", **pem_of(key)}
        asked = request.json
        data = base64.b64decode(asked["data"])
        signature = key.sign(data)
        return {
            "name": place,
            "signature": encoded(signature),
            "signatureCrc32c": str(crc32c(signature)),
            "verifiedDataCrc32c": asked["dataCrc32c"] == str(crc32c(data)),
        }


def pem_of(key: Any) -> dict[str, str]:
    made = key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    return {"pem": made.decode(), "pemCrc32c": str(crc32c(made))}


def encoded(content: bytes) -> str:
    return base64.b64encode(content).decode()


@pytest.fixture(scope="module")
def account() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(65537, 2048)


@pytest.fixture
def kms(
    account: rsa.RSAPrivateKey, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> Iterator[CloudKms]:
    service = CloudKms(account)
    with serving(service.answer) as url:
        pem = account.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        credentials = {
            "type": "service_account",
            "client_email": ACCOUNT,
            "private_key": pem.decode(),
            "private_key_id": "1",
            "project_id": "ml",
            "token_uri": f"{url}/token",
        }
        (path := tmp_path / "account.json").write_text(json.dumps(credentials))
        monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(path))
        monkeypatch.setenv(ENDPOINT, f"{url}/")
        monkeypatch.setenv("NO_GCE_CHECK", "true")
        monkeypatch.setenv("CLOUDSDK_CONFIG", str(tmp_path / "gcloud"))
        yield service


def test_all_enabled_versions_of_a_key_sign_until_the_old_one_is_disabled(
    kms: CloudKms, database: Database
) -> None:
    sealer = Sealer(database, GcpKmsKeys(KEY), ACTOR)
    signed = []
    for step in ("one", "two", "newest"):
        if step == "two":
            kms.versions[2] = new_key()
            kms.enabled = {1, 2}
        if step == "newest":
            kms.enabled = {2}
        add_events(database, 2)
        assert sealer.seal() == 1
        note = database.read(checkpoint_over).note
        signed.append(note.count("\N{EM DASH}"))
    assert signed == [1, 2, 1]
    newest = LogKey.parse(database.read(known_keys)[0].key)
    assert newest.public == kms.versions[2].public_key().public_bytes_raw()
    assert open_checkpoint(note, [newest])
    require_sealed(database)
    assert kms.requests.count("GET publicKey") == 2, "once for each version"
    assert kms.requests.count("POST token") == 1


def test_a_version_that_the_setting_names_signs_alone_and_nothing_is_listed(
    kms: CloudKms, database: Database
) -> None:
    kms.versions[2] = new_key()
    add_events(database, 1)
    assert Sealer(database, GcpKmsKeys(version(2)), ACTOR).seal() == 1
    (known,) = database.read(known_keys)
    assert LogKey.parse(known.key).public == kms.versions[2].public_key().public_bytes_raw()
    assert "GET cryptoKeyVersions" not in kms.requests


def curve() -> dict[str, str]:
    return pem_of(ec.generate_private_key(ec.SECP256R1()))


def of_another_key(reply: dict[str, Any]) -> None:
    signature = new_key().sign(b"x")
    reply.update(signature=encoded(signature), signatureCrc32c=str(crc32c(signature)))


LIES: list[tuple[str, Reply | Callable[[dict[str, Any]], object], str]] = [
    ("cryptoKeyVersions", Reply(403, b"secret text"), "status 403"),
    ("cryptoKeyVersions", Reply(404, b"secret text"), "status 404"),
    ("cryptoKeyVersions", Reply(302, b""), "status 302"),
    ("cryptoKeyVersions", Reply(200, b"hello"), "something else"),
    ("cryptoKeyVersions", Reply(200, b"[" * 100_000), "something else"),
    ("cryptoKeyVersions", Reply(200, b"7"), "something else"),
    ("cryptoKeyVersions", Reply(200, b"{}"), "no enabled versions"),
    ("cryptoKeyVersions", Reply(200, b" " * (300 << 10)), "too much"),
    ("cryptoKeyVersions", Reply.of(cryptoKeyVersions=7), "something else"),
    ("cryptoKeyVersions", Reply.of(cryptoKeyVersions=[7]), "something else"),
    ("cryptoKeyVersions", Reply.of(cryptoKeyVersions=[{}]), "something else"),
    ("cryptoKeyVersions", Reply.of(cryptoKeyVersions=[{}] * 9), "9 enabled versions"),
    (
        "cryptoKeyVersions",
        Reply.of(cryptoKeyVersions=[{"name": "projects/other/cryptoKeyVersions/1"}]),
        "something else",
    ),
    ("publicKey", lambda made: made.update(algorithm="EC_SIGN_P256_SHA256"), "not an Ed25519 key"),
    ("publicKey", lambda made: made.update(name=version(2)), "something else"),
    ("publicKey", lambda made: made.update(pem=made["pem"] + "\n"), "checksum of the public key"),
    ("publicKey", lambda made: made.pop("pemCrc32c"), "checksum of the public key"),
    ("publicKey", lambda made: made.update(curve()), "something else"),
    (
        "publicKey",
        lambda made: made.update(pem="x", pemCrc32c=str(crc32c(b"x"))),
        "something else",
    ),
    ("asymmetricSign", Reply(400, b"secret text"), "status 400"),
    ("asymmetricSign", lambda made: made.update(signature="%"), "something else"),
    ("asymmetricSign", lambda made: made.update(signature="AAAA"), "something else"),
    ("asymmetricSign", lambda made: made.update(name=version(2)), "something else"),
    (
        "asymmetricSign",
        lambda made: made.update(signature=encoded(bytes(64))),
        "checksum of the signature",
    ),
    ("asymmetricSign", lambda made: made.pop("signatureCrc32c"), "checksum of the signature"),
    (
        "asymmetricSign",
        lambda made: made.update(verifiedDataCrc32c=False),
        "checksum of what KMS received",
    ),
    ("asymmetricSign", lambda made: made.pop("verifiedDataCrc32c"), "what KMS received"),
    ("asymmetricSign", of_another_key, "not one of the key"),
    ("token", Reply.of(400, error="invalid_grant", error_description=TOKEN), "credentials"),
]  # fmt: skip


def test_what_kms_answers_wrongly_is_a_typed_error(kms: CloudKms, database: Database) -> None:
    add_events(database, 1)
    for word, answer, problem in LIES:
        kms.answers, kms.changes = {}, {}
        if isinstance(answer, Reply):
            kms.answers = {word: answer}
        else:
            kms.changes = {word: answer}
        with pytest.raises(LogKeyError, match=problem) as refused:
            Sealer(database, GcpKmsKeys(KEY), ACTOR).seal()
        assert "secret" not in str(refused.value), problem
        assert refused.value.remedy, problem
    assert database.read(checkpoint_over) is None


def test_the_checksum_of_what_is_signed_is_sent(kms: CloudKms) -> None:
    (signer,) = GcpKmsKeys(KEY).signers(None)
    kms.versions[1].public_key().verify(signer.sign(b"some bytes"), b"some bytes")


def test_a_kms_that_does_not_answer_is_unavailable(
    kms: CloudKms, monkeypatch: pytest.MonkeyPatch
) -> None:
    for status in (429, 500, 503):
        kms.answers = {"cryptoKeyVersions": Reply(status, TOKEN.encode())}
        with pytest.raises(UnavailableError, match=f"status {status}") as refused:
            GcpKmsKeys(KEY).signers(None)
        assert TOKEN not in str(refused.value)
    monkeypatch.setenv(ENDPOINT, "http://127.0.0.1:1")
    with pytest.raises(UnavailableError, match="does not answer"):
        GcpKmsKeys(KEY).signers(None)


def test_credentials_are_required(
    kms: CloudKms, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "broken.json").write_text(f'{{"type": "service_account", "key": "{TOKEN}"')
    for path in ("missing.json", "broken.json"):
        monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(tmp_path / path))
        with pytest.raises(LogKeyError, match=r"credentials .* cannot be used") as refused:
            GcpKmsKeys(KEY).signers(None)
        assert TOKEN not in str(refused.value)
    monkeypatch.delenv("GOOGLE_APPLICATION_CREDENTIALS")
    with pytest.raises(LogKeyError, match=r"credentials .* cannot be used"):
        GcpKmsKeys(KEY).signers(None)
    assert kms.requests == []


@pytest.mark.parametrize("endpoint", ["http://kms.example", "ftp://kms.example", "kms.example"])
def test_a_token_is_sent_by_tls_alone(
    kms: CloudKms, monkeypatch: pytest.MonkeyPatch, endpoint: str
) -> None:
    monkeypatch.setenv(ENDPOINT, endpoint)
    with pytest.raises(LogKeyError, match="must be https"):
        GcpKmsKeys(KEY).signers(None)
    assert kms.requests == []


@pytest.mark.parametrize(
    "place", ["", "log", f"//{KEY}", f"{KEY}/", f"{KEY}/cryptoKeyVersions/x", f"{KEY}?a=b",
              f"{KEY}/cryptoKeyVersions/1:destroy", KEY.replace("ml", "m l"), f"{KEY}\n"],
)  # fmt: skip
def test_a_place_that_is_not_a_key_is_refused(place: str) -> None:
    with pytest.raises(LogKeyError, match="not the resource name"):
        GcpKmsKeys(place)
