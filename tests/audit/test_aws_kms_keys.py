"""Keys of AWS KMS sign the log; what it answers wrongly is a typed error."""

import base64
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from pedigree.audit.aws_kms_keys import AwsKmsKeys
from pedigree.audit.key_history import known_keys
from pedigree.audit.sealer import Sealer, checkpoint_over
from pedigree.audit.verifier.notes import LogKey, open_checkpoint
from pedigree.errors import LogKeyError, UnavailableError
from pedigree.postgres.database import Database
from tests.audit.key_services import Reply, Request, new_key, serving
from tests.audit.sealing import ACTOR, add_events, require_sealed

SECRET = "a-secret-of-a-test"
FIRST = "11111111-2222-3333-4444-555555555555"
SECOND = "22222222-2222-3333-4444-555555555555"
ED25519 = {
    "KeySpec": "ECC_NIST_EDWARDS25519",
    "KeyUsage": "SIGN_VERIFY",
    "SigningAlgorithms": ["ED25519_SHA_512", "ED25519_PH_SHA_512"],
}


@dataclass
class Kms:
    """AWS KMS with a few keys, as `aws kms` sees it."""

    keys: dict[str, Ed25519PrivateKey] = field(default_factory=lambda: {FIRST: new_key()})
    aliases: dict[str, str] = field(default_factory=lambda: {"alias/log": FIRST})
    regions: list[str] = field(default_factory=list)
    requests: list[str] = field(default_factory=list)
    # What it answers instead, by operation.
    answers: dict[str, Reply] = field(default_factory=dict)

    def answer(self, request: Request) -> Reply:
        """Answer as the JSON protocol of AWS does."""
        operation = request.headers["X-Amz-Target"].removeprefix("TrentService.")
        signed = request.headers["Authorization"].split("Credential=")[1].split("/")
        assert signed[3] == "kms"
        self.regions.append(signed[2])
        self.requests.append(operation)
        if operation in self.answers:
            return self.answers[operation]
        asked = request.json
        number = asked["KeyId"].rpartition("key/")[2]
        number = self.aliases.get(number, number)
        if number not in self.keys:
            return refusal("NotFoundException")
        found = {"KeyId": arn(number)}
        if operation == "GetPublicKey":
            return Reply.of(**found, **ED25519, PublicKey=encoded(public_der(self.keys[number])))
        assert (operation, asked["MessageType"]) == ("Sign", "RAW")
        made = self.keys[number].sign(base64.b64decode(asked["Message"]))
        algorithm = asked["SigningAlgorithm"]
        assert algorithm == "ED25519_SHA_512"
        return Reply.of(**found, Signature=encoded(made), SigningAlgorithm=algorithm)


def arn(number: str, region: str = "eu-central-1") -> str:
    return f"arn:aws:kms:{region}:111122223333:key/{number}"


def refusal(code: str, status: int = 400) -> Reply:
    return Reply.of(status, __type=code, message=f"it says {SECRET}")


def public_der(key: Any) -> bytes:
    made: bytes = key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return made


def encoded(content: bytes) -> str:
    return base64.b64encode(content).decode()


@pytest.fixture
def kms(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Kms]:
    service = Kms()
    for name in ("AWS_PROFILE", "AWS_SESSION_TOKEN", "AWS_REGION", "AWS_ENDPOINT_URL"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "credentials"))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIATEST")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", SECRET)
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-central-1")
    with serving(service.answer) as url:
        monkeypatch.setenv("AWS_ENDPOINT_URL_KMS", url)
        yield service


def test_two_keys_sign_while_one_replaces_the_other(kms: Kms, database: Database) -> None:
    kms.keys[SECOND] = new_key()
    signed = []
    for place in ("alias/log", f"{SECOND},alias/log", arn(SECOND)):
        add_events(database, 2)
        assert Sealer(database, AwsKmsKeys(place), ACTOR).seal() == 1
        note = database.read(checkpoint_over).note
        signed.append(note.count("\N{EM DASH}"))
    assert signed == [1, 2, 1]
    newest = LogKey.parse(database.read(known_keys)[0].key)
    assert newest.public == kms.keys[SECOND].public_key().public_bytes_raw()
    assert open_checkpoint(note, [newest])
    require_sealed(database)


def test_an_alias_is_followed_and_a_key_is_asked_for_its_public_key_once(
    kms: Kms, database: Database
) -> None:
    by_alias, by_number = AwsKmsKeys("alias/log"), AwsKmsKeys(FIRST)
    first = by_alias.signers(None)[0]
    kms.aliases["alias/log"], kms.keys[SECOND] = SECOND, new_key()
    second = by_alias.signers(None)[0]
    assert second.public == kms.keys[SECOND].public_key().public_bytes_raw()
    kms.keys[FIRST].public_key().verify(first.sign(b"x"), b"x")  # it signs by its own number
    kms.requests.clear()
    assert by_number.signers(None)[0].public == by_number.signers(None)[0].public == first.public
    assert kms.requests == ["GetPublicKey"]


def test_the_region_is_that_of_the_arn_or_of_the_environment(kms: Kms) -> None:
    for place in (FIRST, arn(FIRST, "us-west-2")):
        AwsKmsKeys(place).signers(None)
    assert kms.regions == ["eu-central-1", "us-west-2"]


def about(**changes: object) -> Reply:
    return Reply.of(
        **{"KeyId": arn(FIRST), "PublicKey": encoded(public_der(new_key())), **ED25519, **changes}
    )


def signed_by(key: Ed25519PrivateKey, **changes: object) -> Reply:
    made = encoded(key.sign(b"x"))
    found = {"KeyId": arn(FIRST), "Signature": made, "SigningAlgorithm": "ED25519_SHA_512"}
    return Reply.of(**{**found, **changes})


def lies() -> list[tuple[str, Reply, str]]:
    curve = encoded(public_der(ec.generate_private_key(ec.SECP256R1())))
    return [
        ("GetPublicKey", refusal("AccessDeniedException"), "refused: AccessDenied"),
        ("GetPublicKey", refusal("NotFoundException"), "refused: NotFound"),
        ("GetPublicKey", refusal("UnrecognizedClientException"), "refused: Unrecognized"),
        ("GetPublicKey", Reply(403, b"secret text"), "refused: "),
        ("GetPublicKey", Reply(302, b""), "refused: "),
        ("GetPublicKey", Reply(200, b"hello"), "something else"),
        ("GetPublicKey", Reply(200, b"{}"), "something else"),
        ("GetPublicKey", Reply(200, b"[]"), "something else"),
        ("GetPublicKey", about(KeySpec="ECC_NIST_P256"), "not an Ed25519 key"),
        ("GetPublicKey", about(KeyUsage="KEY_AGREEMENT"), "not an Ed25519 key"),
        ("GetPublicKey", about(SigningAlgorithms=["ED25519_PH_SHA_512"]), "not an Ed25519 key"),
        ("GetPublicKey", about(PublicKey=curve), "something else"),
        ("GetPublicKey", about(PublicKey=encoded(b"x")), "something else"),
        ("GetPublicKey", about(PublicKey="%%%"), "something else"),
        ("GetPublicKey", about(KeyId=None), "something else"),
        ("Sign", refusal("DisabledException"), "refused: Disabled"),
        ("Sign", refusal("KMSInvalidStateException"), "refused: KMSInvalidState"),
        ("Sign", signed_by(new_key(), KeyId=arn(SECOND)), "something else"),
        ("Sign", signed_by(new_key(), Signature="AAAA"), "something else"),
        ("Sign", signed_by(new_key(), SigningAlgorithm="ED25519_PH_SHA_512"), "something else"),
        ("Sign", signed_by(new_key()), "not one of the key"),
    ]


def test_what_kms_answers_wrongly_is_a_typed_error(kms: Kms, database: Database) -> None:
    add_events(database, 1)
    for operation, answer, problem in lies():
        kms.answers = {operation: answer}
        with pytest.raises(LogKeyError, match=problem) as refused:
            Sealer(database, AwsKmsKeys("alias/log"), ACTOR).seal()
        assert "secret" not in str(refused.value), problem
        assert refused.value.remedy, problem
    assert database.read(checkpoint_over) is None


def test_a_kms_that_does_not_answer_is_unavailable(
    kms: Kms, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    add_events(database, 1)
    for reply in (refusal("ThrottlingException"), refusal("KMSInternalException", 500)):
        kms.answers = {"Sign": reply}
        with pytest.raises(UnavailableError, match=r"Throttling|KMSInternal") as refused:
            Sealer(database, AwsKmsKeys(FIRST), ACTOR).seal()
        assert SECRET not in str(refused.value)
    monkeypatch.setenv("AWS_ENDPOINT_URL_KMS", "http://127.0.0.1:1")
    with pytest.raises(UnavailableError, match="does not answer"):
        AwsKmsKeys(FIRST).signers(None)


def test_credentials_a_region_and_an_endpoint_are_required(
    kms: Kms, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in (
        ("AWS_DEFAULT_REGION", None),
        ("AWS_ENDPOINT_URL_KMS", f"nowhere {SECRET}"),
        ("AWS_SECRET_ACCESS_KEY", None),
        ("AWS_PROFILE", "nobody"),
    ):
        with monkeypatch.context() as without:
            if value is None:
                without.delenv(name)
            else:
                without.setenv(name, value)
            with pytest.raises(LogKeyError, match="cannot be asked") as refused:
                AwsKmsKeys(FIRST).signers(None)
            assert "AWS_PROFILE" in str(refused.value.remedy)
            assert SECRET not in str(refused.value)
    assert kms.requests == []


@pytest.mark.parametrize(
    "place", ["", ",", "alias/log,", "alias/", "a key", "https://kms.example", "alias/a b",
              "arn:aws:s3:::bucket", "arn:aws:kms:eu-central-1:1:key/a", ",".join([FIRST] * 9),
              "x" * 2049],
)  # fmt: skip
def test_a_place_that_is_not_a_key_is_refused(place: str) -> None:
    with pytest.raises(LogKeyError, match="neither the id"):
        AwsKmsKeys(place)
