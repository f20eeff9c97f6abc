"""Tokens of OIDC providers are accepted wherever tokens of the service are."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx2
import pytest
from joserfc.jwk import RSAKey

from pedigree.access.records import Role
from pedigree.server import oidc_keys
from pedigree.settings import Settings
from tests.issuing import Issuer, ec_key, issuing, okp_key
from tests.server.conftest import Served, serving
from tests.server.oidc import people, refusal, served_with, whose


@pytest.fixture(scope="module")
def issuer() -> Iterator[Issuer]:
    """The module's issuer."""
    with issuing() as issuer:
        yield issuer


@pytest.fixture(scope="module")
def served(
    settings: Settings, issuer: Issuer, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Served]:
    """A service that accepts the tokens of the module's issuer."""
    folder = tmp_path_factory.mktemp("oidc")
    with served_with(settings, folder, people(issuer)) as served:
        yield served


@pytest.fixture
def own(tmp_path: Path, database_url: str, settings: Settings) -> Settings:
    """The settings of a service of this test alone."""
    return settings.model_copy(update={"database_url": database_url})


def test_the_bearer_of_a_token_acts_by_its_name_with_the_rights_of_its_rule(
    served: Served, issuer: Issuer
) -> None:
    served.registry.create_model("churn-1")
    served.registry.create_model("fraud")
    client = served.client()
    reader, deployer = issuer.token(), issuer.token(sub="bob", groups=["ml", "deployers"])
    for model in ("churn-1", "fraud"):
        answer = client.get(f"/models/{model}", headers={"Authorization": f"Bearer {reader}"})
        assert answer.status_code == 200, answer.text
    headers = {"Authorization": f"Bearer {reader}"}
    assert client.post("/models", json={"name": "mine"}, headers=headers).status_code == 403
    headers = {"Authorization": f"Bearer {deployer}"}
    assert client.get("/models/fraud", headers=headers).status_code == 403
    body = {"asset": "raw", "reason": "a test"}
    assert client.post("/quarantines", json=body, headers=headers).status_code == 403
    made = client.patch("/models/churn-1", json={"description": "x"}, headers=headers)
    assert made.status_code == 403, "a deployer describes nothing"
    assert [each["name"] for each in client.get("/models", headers=headers).json()["items"]] == [
        "churn-1"
    ]


def test_events_name_the_principal_and_the_provider(
    own: Settings, issuer: Issuer, tmp_path: Path
) -> None:
    text = people(issuer).replace('roles = ["reader"]', 'roles = ["contributor"]')
    with served_with(own, tmp_path, text) as served:
        headers = {"Authorization": f"Bearer {issuer.token(sub='cy')}"}
        made = served.client().post("/models", json={"name": "churn"}, headers=headers)
        assert made.json()["created_by"] == "cy@sso"
        actor = served.registry.events()[-1].actor
        assert (actor.name, actor.source) == ("cy@sso", "oidc sso")


def test_other_algorithms_of_the_provider_are_verified_by_their_own_keys(
    own: Settings, tmp_path: Path
) -> None:
    with issuing() as issuer:
        keys = [("ES256", ec_key("ec")), ("EdDSA", okp_key("okp")), ("Ed25519", okp_key("new"))]
        issuer.publish(*(key for _, key in keys))
        with served_with(own, tmp_path, people(issuer)) as served:
            for algorithm, key in keys:
                token = issuer.token(key=key, header={"alg": algorithm})
                assert whose(served.client(), token).status_code == 200, algorithm
            confused = issuer.token(key=keys[0][1], header={"alg": "ES256", "kid": "rsa"})
            assert "signature" in refusal(served.client(), confused)


def test_without_providers_such_a_token_is_no_token(settings: Settings, issuer: Issuer) -> None:
    with serving(settings) as plain:
        assert "pdg_" in refusal(plain.client(), issuer.token())


def test_with_providers_nobody_on_this_machine_is_let_in_without_a_token(
    own: Settings, issuer: Issuer, tmp_path: Path
) -> None:
    with served_with(own, tmp_path, people(issuer), serve_open=True) as served:
        assert served.client().get("/models").status_code == 401


def test_an_unknown_key_is_fetched_once_in_30_seconds_under_a_storm(
    own: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with issuing() as issuer, served_with(own, tmp_path, people(issuer)) as served:
        client = served.client()
        assert whose(client, issuer.token()).status_code == 200
        assert issuer.paths() == ["openid-configuration", "keys"]
        old = issuer.token()
        issuer.rotate("next")

        def ask(number: int) -> int:
            headers = {"X-Forwarded-For": f"192.0.2.{number}"}
            token = issuer.token(header={"kid": f"unknown-{number}"})
            return whose_with(client, token, headers)

        with ThreadPoolExecutor(8) as threads:
            assert set(threads.map(ask, range(64))) == {401}
        assert len(issuer.requests) == 2, "the first fetch was less than 30 seconds ago"
        monkeypatch.setattr(oidc_keys, "FETCH_INTERVAL_S", 0.0)
        assert whose(client, issuer.token()).status_code == 200
        monkeypatch.setattr(oidc_keys, "FETCH_INTERVAL_S", 30.0)
        assert len(issuer.requests) == 4
        with ThreadPoolExecutor(8) as threads:
            assert set(threads.map(ask, range(64, 128))) == {401}
        assert len(issuer.requests) == 4
        assert "signature" in refusal(client, old), "its key was withdrawn"


def whose_with(client: httpx2.Client, token: str, headers: dict[str, str]) -> int:
    headers = {"Authorization": f"Bearer {token}", **headers}
    return client.get("/models", headers=headers).status_code


def test_an_unreachable_provider_does_not_affect_known_keys_and_is_a_warning(
    own: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(oidc_keys, "FETCH_INTERVAL_S", 0.0)
    with issuing() as issuer, served_with(own, tmp_path, people(issuer)) as served:
        client = served.client()
        own_token = served.client(Role.READER)
        assert whose(client, issuer.token()).status_code == 200
        ready = httpx2.get(f"{served.url}/readyz").json()
        assert ready == {**ready, "ready": True, "warnings": {}}
        issuer.status = 500
        assert "signature" in refusal(client, issuer.token(header={"kid": "unknown"}))
        assert whose(client, issuer.token()).status_code == 200
        assert own_token.get("/models").status_code == 200
        answer = httpx2.get(f"{served.url}/readyz")
        assert answer.status_code == 200, answer.text
        assert answer.json()["warnings"] == {
            "oidc sso": "its keys cannot be fetched: it answered with status 500"
        }
        issuer.status = 200
        while httpx2.get(f"{served.url}/readyz").json()["warnings"]:
            pass


def test_a_provider_that_never_answered_is_unavailable_and_not_a_wrong_token(
    own: Settings, tmp_path: Path
) -> None:
    with issuing() as issuer:
        issuer.status = 503
        with served_with(own, tmp_path, people(issuer)) as served:
            answer = whose(served.client(), issuer.token())
            assert answer.status_code == 503
            assert answer.json()["type"] == "urn:pedigree:error:ProviderUnavailableError"
            assert answer.headers["retry-after"]


def test_one_odd_key_locks_nobody_out(own: Settings, tmp_path: Path) -> None:
    with issuing() as issuer:
        good = issuer.published[0]
        issuer.published[:0] = [
            {"kty": "EC", "crv": "P-999", "kid": "curve", "x": "AA", "y": "AA"},
            {"kty": "RSA", "kid": "damaged", "n": "!", "e": "AQAB"},
            {"kty": "AKP", "kid": "later", "alg": "ML-DSA-44", "pub": "AA"},
            {**good, "kid": ["rsa"]},
            {**good, "kid": "rsa", "use": "enc"},
            "no key",
            {},
        ]
        with served_with(own, tmp_path, people(issuer)) as served:
            assert whose(served.client(), issuer.token()).status_code == 200


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/.well-known/openid-configuration", b'{"issuer": "https://other.example"}'),
        ("/.well-known/openid-configuration", b"[" * 10_000),
        ("/.well-known/openid-configuration", b" " * (65 << 10)),
        ("/keys", b"<html>"),
        ("/keys", b'{"keys": []}'),
        ("/keys", b'{"keys": {}}'),
        ("/keys", b" " * (257 << 10)),
    ],
)
def test_documents_that_are_wrong_or_too_large_are_no_keys(
    own: Settings, tmp_path: Path, path: str, body: bytes
) -> None:
    with issuing() as issuer:
        issuer.answers[path] = body
        with served_with(own, tmp_path, people(issuer)) as served:
            answer = whose(served.client(), issuer.token())
            assert answer.status_code == 503
            assert "its keys" not in answer.json()["detail"]


@pytest.mark.parametrize(
    "url",
    [
        *(
            "http://169.254.169.254/keys",
            "http://10.0.0.1/keys",
            "file:///etc/passwd",
            "https:",
            "",
        ),
        *("https://[::ffff:169.254.169.254]/keys", "https://ann:pw@127.0.0.1/keys"),
    ],
)
def test_keys_are_fetched_from_no_other_place(own: Settings, tmp_path: Path, url: str) -> None:
    with issuing() as issuer:
        issuer.answers["/.well-known/openid-configuration"] = (
            b'{"issuer": "%s", "jwks_uri": "%s"}' % (issuer.url.encode(), url.encode())
        )
        with served_with(own, tmp_path, people(issuer)) as served:
            answer = whose(served.client(), issuer.token())
            assert answer.status_code == 503
            assert "not public" in answer.text or "not https" in answer.text
            assert issuer.paths() == ["openid-configuration"]


def test_a_small_rsa_key_is_left_out(own: Settings, tmp_path: Path) -> None:
    import warnings

    with warnings.catch_warnings(), issuing() as issuer:
        warnings.simplefilter("ignore")
        small = RSAKey.generate_key(1024, {"kid": "small"})
        issuer.publish(small)
        token = issuer.token(key=small)
        with served_with(own, tmp_path, people(issuer)) as served:
            client = served.client()
            assert "signature" in refusal(client, token)
            assert whose(client, issuer.token()).status_code == 200
