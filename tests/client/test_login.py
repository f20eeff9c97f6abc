"""A login takes only the answers of its own provider to its own request."""

import base64
import json
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx2
import pytest

from pedigree.access.oidc.login_offers import LoginOffer, LoginOffers
from pedigree.client import _login_flows
from pedigree.client._identity_provider import IdentityProvider
from pedigree.client._login_flows import by_browser, by_device
from pedigree.client._logins import Login, login_of
from pedigree.client.login import log_in
from pedigree.errors import LoginFailedError, NotAuthenticatedError, ServiceUnavailableError
from tests.issuing import AUDIENCE, Issuer, issuing
from tests.server.conftest import NO_AUTHORITIES

SERVICE = "https://registry.example.com"


@pytest.fixture
def issuer() -> Iterator[Issuer]:
    """A provider that answers with tokens."""
    with issuing() as issuer:
        describe(issuer)
        issuer.posted["/token"] = 200, {"access_token": "given", "expires_in": 60}
        yield issuer


def describe(issuer: Issuer, /, **changes: Any) -> None:
    """Set the discovery document."""
    found = {
        "issuer": issuer.url,
        "authorization_endpoint": f"{issuer.url}/auth",
        "token_endpoint": f"{issuer.url}/token",
        "device_authorization_endpoint": f"{issuer.url}/device",
        "revocation_endpoint": f"{issuer.url}/revoke",
        "authorization_response_iss_parameter_supported": True,
        **changes,
    }
    issuer.answers["/.well-known/openid-configuration"] = json.dumps(found).encode()


def offer(issuer: Issuer) -> LoginOffer:
    return LoginOffer(
        provider="sso",
        issuer=issuer.url,
        client_id="cli",
        audience=AUDIENCE,
        scopes=("openid", "offline_access"),
    )


@pytest.fixture(autouse=True)
def _own_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_login_flows, "_WAIT_S", 20.0)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))


def answering(issuer: Issuer, **changes: str | None) -> Callable[[str], None]:
    """A browser that brings the answer of the provider, with changes; None leaves one out."""

    def open_page(url: str) -> None:
        asked = dict(httpx2.URL(url).params)
        assert asked["code_challenge_method"] == "S256"
        given = {"code": "c", "state": asked["state"], "iss": issuer.url, **changes}
        query = {name: value for name, value in given.items() if value is not None}

        def bring() -> None:
            httpx2.get(asked["redirect_uri"], params=query, verify=NO_AUTHORITIES)

        threading.Thread(target=bring).start()

    return open_page


def test_the_code_is_exchanged_with_the_verifier_of_this_login(issuer: Issuer) -> None:
    provider = IdentityProvider.of(offer(issuer))
    assert by_browser(provider, answering(issuer))["access_token"] == "given"
    ((path, form),) = issuer.forms
    assert path == "/token"
    assert (form["grant_type"], form["client_id"], form["code"]) == (
        *("authorization_code", "cli"),
        "c",
    )
    assert len(form["code_verifier"]) >= 43
    assert form["redirect_uri"].startswith("http://127.0.0.1:")


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"state": "other"}, "another login"),
        ({"state": None}, "another login"),
        ({"iss": "https://evil.example"}, "another provider"),
        ({"iss": None}, "another provider"),
        ({"error": "access_denied"}, "access_denied"),
        ({"error": "\u202e"}, "unreadable"),
        ({"code": None}, "no code"),
    ],
)
def test_an_answer_that_is_not_of_this_login_is_refused(
    issuer: Issuer, changes: dict[str, str | None], why: str
) -> None:
    provider = IdentityProvider.of(offer(issuer))
    with pytest.raises(LoginFailedError, match=why):
        by_browser(provider, answering(issuer, **changes))
    assert issuer.forms == [], "no code was sent anywhere"


@pytest.mark.parametrize("claims", [{"nonce": "other"}, {}, [], "x"])
def test_an_id_token_of_another_login_is_refused(issuer: Issuer, claims: object) -> None:
    part = base64.urlsafe_b64encode(json.dumps(claims).encode()).decode().rstrip("=")
    issuer.posted["/token"] = 200, {"access_token": "given", "id_token": f"a.{part}.c"}
    provider = IdentityProvider.of(offer(issuer))
    with pytest.raises(LoginFailedError, match="another login"):
        by_browser(provider, answering(issuer))


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"issuer": "https://evil.example"}, "another issuer"),
        ({"token_endpoint": "http://sso.example/token"}, "not https"),
        ({"authorization_endpoint": "file:///etc/passwd"}, "not https"),
        ({"revocation_endpoint": "http://127.0.0.1.evil.example/"}, "not https"),
        ({"token_endpoint": None}, "no endpoint"),
    ],
)
def test_a_document_that_is_not_the_provider_s_is_refused(
    issuer: Issuer, changes: dict[str, Any], why: str
) -> None:
    describe(issuer, **changes)
    with pytest.raises(LoginFailedError, match=why):
        IdentityProvider.of(offer(issuer))


def test_a_provider_without_tls_or_without_an_answer_is_an_error(issuer: Issuer) -> None:
    plain = offer(issuer).model_copy(update={"issuer": "http://sso.example.com"})
    with pytest.raises(LoginFailedError, match="not https"):
        IdentityProvider.of(plain)
    issuer.answers["/.well-known/openid-configuration"] = b"<html>"
    with pytest.raises(LoginFailedError, match="without JSON"):
        IdentityProvider.of(offer(issuer))
    nobody = offer(issuer).model_copy(update={"issuer": "http://127.0.0.1:9"})
    with pytest.raises(ServiceUnavailableError):
        IdentityProvider.of(nobody)


def test_a_device_slows_down_when_it_is_asked_to(
    issuer: Issuer, monkeypatch: pytest.MonkeyPatch
) -> None:
    waited: list[float] = []
    page = f"{issuer.url}/enter"
    issuer.posted["/device"] = (
        200,
        {"device_code": "d", "user_code": "ABCD", "verification_uri": page, "interval": 1},
    )
    errors = iter(["authorization_pending", "slow_down", "authorization_pending", "expired_token"])

    def wait(seconds: float) -> None:
        waited.append(seconds)
        issuer.posted["/token"] = 400, {"error": next(errors)}

    monkeypatch.setattr(_login_flows, "sleep", wait)
    shown: list[tuple[str, str]] = []
    with pytest.raises(LoginFailedError, match="expired_token"):
        by_device(IdentityProvider.of(offer(issuer)), lambda page, code: shown.append((page, code)))
    assert shown == [(page, "ABCD")]
    assert waited == [1.0, 1.0, 6.0, 6.0]


def test_a_device_shows_no_page_without_tls(issuer: Issuer) -> None:
    issuer.posted["/device"] = (
        200,
        {"device_code": "d", "user_code": "A", "verification_uri": "http://sso.example"},
    )
    with pytest.raises(LoginFailedError, match="not https"):
        by_device(IdentityProvider.of(offer(issuer)), lambda *_: pytest.fail("shown"))


@pytest.mark.parametrize(
    "audience",
    ["https://other.example.com", "pedigree", "http://127.0.0.1.evil.example", "", "https:"],
)
def test_a_service_does_not_get_the_token_of_another_one(issuer: Issuer, audience: str) -> None:
    offered = offer(issuer).model_copy(update={"audience": audience})
    offers = LoginOffers(offers=(offered,)).model_dump_json().encode()
    issuer.answers["/api/v1/login"] = offers
    with pytest.raises(LoginFailedError, match="for another service"):
        log_in(issuer.url, open_page=answering(issuer), show_code=lambda *_: None)
    assert issuer.forms == []
    if audience:
        log_in(
            issuer.url,
            audience=audience,
            open_page=answering(issuer),
            show_code=lambda *_: None,
        )
        assert login_of(issuer.url) is not None


def test_a_login_is_kept_for_its_service_alone_and_ends(issuer: Issuer) -> None:
    login = Login(SERVICE)
    assert login_of(SERVICE) is None
    login.keep(offer(issuer), {"access_token": "kept", "expires_in": 300})
    assert login_of("https://registry.example.com.evil.example") is None
    found = login_of(SERVICE)
    assert found is not None
    assert found.token() == "kept"
    login.keep(offer(issuer), {"access_token": "old", "expires_in": 1})
    with pytest.raises(NotAuthenticatedError, match="has expired") as ended:
        Login(SERVICE).token()
    assert f"pedigree login {SERVICE}" in str(ended.value.remedy)
    issuer.posted["/revoke"] = 200, {}
    assert login.end() is True
    assert issuer.forms[-1] == ("/revoke", {"client_id": "cli", "token": "old"})
    assert login_of(SERVICE) is None
    assert login.end() is None
