"""Hostile tokens: each is refused, on both ways that a request takes."""

import base64
import hashlib
import hmac
import json
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from joserfc.jwk import RSAKey

from pedigree.settings import Settings
from tests.issuing import AUDIENCE, Issuer, ec_key, issuing, signed
from tests.server.conftest import Served
from tests.server.oidc import people, refusal, served_with, whose

DAY = 86_400
YEAR = 365 * DAY
LOGOUT = {"http://schemas.openid.net/event/backchannel-logout": {}}

FOREIGN = RSAKey.generate_key(2048, {"kid": "rsa"})
CURVE = ec_key("curve")


def part(value: object) -> str:
    """A part of a token."""
    content = value if isinstance(value, bytes) else json.dumps(value).encode()
    return base64.urlsafe_b64encode(content).decode().rstrip("=")


def unsigned(issuer: Issuer, signature: str = "", **header: Any) -> str:
    head = {"alg": "none", "kid": "rsa", "typ": "at+jwt", **header}
    return f"{part(head)}.{part(issuer.claims())}.{signature}"


def sealed(issuer: Issuer, **header: Any) -> str:
    """A token with a valid signature by RS256, and a header that no library would write."""
    head = {"alg": "RS256", "kid": "rsa", "typ": "at+jwt", **header}
    text = f"{part(head)}.{part(issuer.claims())}"
    private = issuer.key.raw_value
    return f"{text}.{part(private.sign(text.encode(), PKCS1v15(), SHA256()))}"


def hmac_by_public_key(issuer: Issuer) -> str:
    """A token by HS256, whose secret is the text of the public key."""
    secret = issuer.key.raw_value.public_key().public_bytes(
        Encoding.PEM, PublicFormat.SubjectPublicKeyInfo
    )
    head = {"alg": "HS256", "kid": "rsa", "typ": "at+jwt"}
    text = f"{part(head)}.{part(issuer.claims())}"
    return f"{text}.{part(hmac.digest(secret, text.encode(), hashlib.sha256))}"


def replaced(issuer: Issuer, place: int, value: object) -> str:
    parts = issuer.token().split(".")
    parts[place] = part(value)
    return ".".join(parts)


def embedded_key(issuer: Issuer) -> str:
    """A token whose header has the key that verifies it."""
    header = {"alg": "RS256", "typ": "at+jwt", "kid": "rsa", "jwk": FOREIGN.as_dict(private=False)}
    return signed(header, issuer.claims(), FOREIGN)


def far(issuer: Issuer, **changes: int) -> str:
    now = int(time.time())
    return issuer.token(**{name: now + seconds for name, seconds in changes.items()})


HOSTILE: dict[str, Callable[[Issuer], str]] = {
    # The signature.
    "alg none": unsigned,
    "alg None": lambda i: unsigned(i, alg="None"),
    "alg none with a signature": lambda i: unsigned(i, i.token().split(".")[2]),
    "no alg": lambda i: unsigned(i, "AA", alg=None),
    "alg as a list": lambda i: unsigned(i, "AA", alg=["RS256"]),
    "HS256 by the public key": hmac_by_public_key,
    "HS512": lambda i: unsigned(i, "AA", alg="HS512"),
    "another key of the same id": lambda i: i.token(key=FOREIGN),
    "a key in the header": embedded_key,
    "a key at an address in the header": lambda i: i.token(
        key=FOREIGN, header={"jku": f"{i.url}/keys", "x5u": f"{i.url}/keys"}
    ),
    "an accepted algorithm that is not the key's": lambda i: unsigned(i, "A" * 86, alg="ES256"),
    "an algorithm that the provider does not list": lambda i: i.token(header={"alg": "PS256"}),
    "the signature cut": lambda i: i.token()[:-40],
    "the signature of another token": lambda i: (
        f"{i.token().rpartition('.')[0]}.{i.token(sub='bob').rpartition('.')[2]}"
    ),
    "claims replaced": lambda i: replaced(i, 1, i.claims(sub="root")),
    "header replaced": lambda i: replaced(i, 0, {"alg": "RS256", "kid": "rsa", "typ": "at+jwt "}),
    "an ECDSA signature of zeros": lambda i: unsigned(i, part(bytes(64)), alg="ES256", kid="curve"),
    # The header.
    "no kid": lambda i: i.token(header={"kid": None}),
    "an empty kid": lambda i: sealed(i, kid=""),
    "an unknown kid": lambda i: i.token(header={"kid": "unknown"}),
    "kid as a path": lambda i: i.token(header={"kid": "../../etc/passwd"}),
    "kid as a list": lambda i: sealed(i, kid=["rsa"]),
    "a key for encryption": lambda i: i.token(header={"kid": "for-encryption"}),
    "typ of an ID token": lambda i: i.token(header={"typ": "JWT"}),
    "no typ": lambda i: i.token(header={"typ": None}),
    "typ of a logout token": lambda i: i.token(header={"typ": "logout+jwt"}),
    "typ as a number": lambda i: sealed(i, typ=7),
    "a critical header": lambda i: sealed(i, crit=["exp"]),
    "an unencoded payload": lambda i: sealed(i, b64=False),
    # The times.
    "expired": lambda i: far(i, iat=-600, exp=-60),
    "no exp": lambda i: i.token(exp=None),
    "exp as a text": lambda i: i.token(exp=str(int(time.time()) + 300)),
    "exp as a truth": lambda i: i.token(exp=True),
    "exp without end": lambda i: i.token(exp=float("inf")),
    "exp that is no number": lambda i: i.token(exp=float("nan")),
    "exp beyond all numbers": lambda i: i.token(exp=10**400),
    "exp in ten years": lambda i: far(i, exp=10 * YEAR),
    "exp after a day": lambda i: far(i, exp=DAY + 1),
    "no iat": lambda i: i.token(iat=None),
    "iat tomorrow": lambda i: far(i, iat=DAY, exp=DAY + 300),
    "iat of a year ago": lambda i: far(i, iat=-YEAR, exp=300),
    "exp before iat": lambda i: far(i, iat=20, exp=10),
    "nbf later": lambda i: far(i, nbf=120),
    # Whose and for whom.
    "another issuer": lambda i: i.token(iss="https://evil.example"),
    "the issuer with a slash": lambda i: i.token(iss=f"{i.url}/"),
    "the issuer in capitals": lambda i: i.token(iss=i.url.upper()),
    "the issuer as a list": lambda i: i.token(iss=[i.url]),
    "no issuer": lambda i: i.token(iss=None),
    "aud of another": lambda i: i.token(aud="https://other.example"),
    "no aud": lambda i: i.token(aud=None),
    "an empty list of aud": lambda i: i.token(aud=[]),
    "aud with others beside ours": lambda i: i.token(aud=[AUDIENCE, "https://other.example"]),
    "aud in a list of lists": lambda i: i.token(aud=[[AUDIENCE]]),
    "aud as an object": lambda i: i.token(aud={AUDIENCE: True}),
    "aud with ours in it": lambda i: i.token(aud=f"{AUDIENCE}.evil.example"),
    "azp of another": lambda i: i.token(azp="other"),
    "azp as a list": lambda i: i.token(azp=[AUDIENCE]),
    "no sub": lambda i: i.token(sub=None),
    "an empty sub": lambda i: i.token(sub=""),
    "a blank sub": lambda i: i.token(sub="  "),
    "sub as a number": lambda i: i.token(sub=7),
    "sub with a control character": lambda i: i.token(sub="ann\nroot"),
    "a long sub": lambda i: i.token(sub="a" * 801),
    "a name of Pedigree's own": lambda i: i.token(sub="sensor:pedigree_promotion"),
    "half a character": lambda i: i.token(sub="\ud800"),
    "a logout token": lambda i: i.token(events=LOGOUT, sid="1"),
    "bound to a key": lambda i: i.token(cnf={"jkt": "AA"}),
    # The form.
    "a long token": lambda i: i.token(more="a" * (16 << 10)),
    "a long header": lambda i: i.token(header={"x5c": ["A" * (9 << 10)]}),
    "deep claims": lambda i: replaced(i, 1, b'{"iss":' + b"[" * 8000),
    "claims that are no object": lambda i: replaced(i, 1, []),
    "a header that is no object": lambda i: replaced(i, 0, "RS256"),
    "claims that are no JSON": lambda i: replaced(i, 1, b"\xff\xfe"),
    "an encrypted token": lambda i: f"{i.token()}.AA.AA",
    "two parts": lambda i: i.token().rpartition(".")[0],
    "four dots": lambda i: i.token().replace(".", "..", 1),
    "another alphabet": lambda i: i.token().replace("_", "/").replace("-", "+") + "=",
}


@pytest.fixture(scope="module")
def issuer() -> Iterator[Issuer]:
    """An issuer that also publishes keys that tokens must not use."""
    with issuing() as issuer:
        issuer.publish(CURVE)
        issuer.publish(issuer.key, kid="for-encryption", use="enc")
        yield issuer


@pytest.fixture(scope="module")
def served(
    settings: Settings, issuer: Issuer, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Served]:
    """A service that accepts the tokens of the issuer."""
    folder = tmp_path_factory.mktemp("oidc")
    with served_with(settings, folder, people(issuer)) as served:
        yield served


def test_there_are_at_least_40(served: Served, issuer: Issuer) -> None:
    assert len(HOSTILE) >= 40
    assert whose(served.client(), sealed(issuer)).status_code == 200, "what they vary is valid"


@pytest.mark.parametrize("what", HOSTILE)
def test_a_hostile_token_is_refused(served: Served, issuer: Issuer, what: str) -> None:
    client = served.client()
    assert whose(client, issuer.token()).status_code == 200, "a valid one passes"
    refusal(client, HOSTILE[what](issuer))


@pytest.mark.parametrize("name", ["aud", "azp"])
def test_what_the_file_names_beside_our_audience_is_accepted(
    settings: Settings, issuer: Issuer, tmp_path: Any, name: str
) -> None:
    more = 'other_audiences = ["account"]\nauthorized_parties = ["cli"]'
    given = {"aud": [AUDIENCE, "account"], "azp": "cli"}[name]
    with served_with(settings, tmp_path, people(issuer, more)) as served:
        assert whose(served.client(), issuer.token(**{name: given})).status_code == 200
