"""Sign in to the page at an issuer: the flow, and answers that are not what they seem."""

import base64
import hashlib
import hmac
import json
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any
from urllib.parse import urlencode, urlsplit

import httpx2
import pytest
from joserfc.jwk import RSAKey

from pedigree.access.oidc import attempts
from pedigree.audit.event_types import EventType
from pedigree.server.web.rendering import policy
from pedigree.server.web.signing_in import ATTEMPT_COOKIE
from pedigree.server.web.visitors import COOKIE
from pedigree.settings import Settings
from tests.issuing import Issuer, issuing, signed
from tests.server.conftest import Served
from tests.server.oidc import people, served_with
from tests.web.browsing import Browser, forms_of, query_of, words_of

CLIENT = "pedigree-page"
SECRET = "a secret of the page"


@pytest.fixture(scope="module")
def issuer() -> Iterator[Issuer]:
    with issuing() as issuer:
        describe(issuer)
        yield issuer


def describe(issuer: Issuer, **more: object) -> None:
    document = {
        "issuer": issuer.url,
        "jwks_uri": f"{issuer.url}/keys",
        "authorization_endpoint": f"{issuer.url}/authorize?tenant=1",
        "token_endpoint": f"{issuer.url}/token",
        "end_session_endpoint": f"{issuer.url}/end",
        "authorization_response_iss_parameter_supported": True,
        **more,
    }
    issuer.answers["/.well-known/openid-configuration"] = json.dumps(document).encode()


@pytest.fixture(scope="module")
def served(
    settings: Settings, issuer: Issuer, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Served]:
    folder = tmp_path_factory.mktemp("oidc")
    (folder / "secret").write_text(f"{SECRET}\n")
    more = f'web_client_id = "{CLIENT}"\nweb_secret_file = "{folder}/secret"'
    with served_with(settings, folder, people(issuer, more)) as served:
        yield served


@pytest.fixture
def browser(served: Served) -> Iterator[Browser]:
    with Browser(served.url) as browser:
        yield browser


@dataclass
class Flow:
    """A sign-in whose person is at the issuer now."""

    issuer: Issuer
    browser: Browser
    asked: dict[str, str]
    answer: dict[str, str] = field(default_factory=dict)
    id_header: dict[str, Any] = field(default_factory=lambda: {"typ": "JWT"})
    id_claims: dict[str, Any] = field(default_factory=dict)
    header: dict[str, Any] = field(default_factory=dict)
    claims: dict[str, Any] = field(default_factory=dict)
    given: dict[str, Any] = field(default_factory=dict)
    status: int = 200

    def come_back(self) -> httpx2.Response:
        """Let the issuer answer, and the browser bring its answer."""
        whole = {
            "access_token": self.issuer.token(header=self.header, **self.claims),
            "id_token": self.issuer.token(header=self.id_header, **self.id_claims),
            "token_type": "Bearer",
            **self.given,
        }
        known = {name: value for name, value in whole.items() if value is not None}
        self.issuer.posted["/token"] = (self.status, known)
        path = f"/sign-in/callback?{urlencode(self.answer)}"
        return self.browser.get(path, **{"Sec-Fetch-Site": "cross-site"})


def at_issuer(issuer: Issuer, browser: Browser, way_back: str = "/") -> Flow:
    """Begin a sign-in, and return it as the issuer sees it."""
    page = browser.get(f"/sign-in?{urlencode({'next': way_back})}")
    led = browser.send(page, "/sign-in/issuer")
    assert led.status_code == 303, led.text
    asked = query_of(led.headers["location"])
    sub = {"sub": "ann"}
    return Flow(
        issuer,
        browser,
        asked,
        answer={"state": asked["state"], "iss": issuer.url, "code": "c0de"},
        id_claims={**sub, "aud": CLIENT, "nonce": asked["nonce"]},
        claims=sub,
    )


def is_signed_in(browser: Browser) -> bool:
    return "Sign out" in browser.get("/sign-in").text


def test_a_person_signs_in_at_their_issuer(
    served: Served, issuer: Issuer, browser: Browser
) -> None:
    page = browser.get("/sign-in")
    assert page.headers["content-security-policy"] == policy((issuer.url,))
    flow = at_issuer(issuer, browser, "/models/churn")
    asked = flow.asked
    assert asked["tenant"] == "1"
    assert (asked["response_type"], asked["client_id"]) == ("code", CLIENT)
    assert asked["redirect_uri"] == f"{served.url}/sign-in/callback"
    assert asked["code_challenge_method"] == "S256"
    assert "openid" in asked["scope"].split()
    assert "offline_access" not in asked["scope"].split()
    answer = flow.come_back()
    assert (answer.status_code, answer.headers["location"]) == (303, "/models/churn")
    assert ATTEMPT_COOKIE not in browser.cookies
    path, form = issuer.forms[-1]
    assert path == "/token"
    challenge = base64.urlsafe_b64encode(hashlib.sha256(form["code_verifier"].encode()).digest())
    assert challenge.decode().rstrip("=") == asked["code_challenge"]
    assert form["redirect_uri"] == asked["redirect_uri"]
    assert SECRET not in str(form)
    page = browser.get("/sign-in")
    assert "ann@sso" in words_of(page.text)
    newest = served.registry.events(limit=1000)[-1]
    assert (newest.type, newest.actor.name) == (EventType.SESSION_BEGUN, "ann@sso")
    assert newest.actor.source == "oidc sso"
    assert newest.body["issuer"] == issuer.url


def test_the_attempt_is_kept_by_a_cookie_of_ten_minutes(issuer: Issuer, browser: Browser) -> None:
    page = browser.get("/sign-in")
    led = browser.send(page, "/sign-in/issuer")
    (made,) = [each for each in led.headers.get_list("set-cookie") if "sign-in" in each]
    for attribute in ("; HttpOnly", "; Path=/", "; SameSite=lax", "; Secure", "; Max-Age=600"):
        assert attribute in made
    assert query_of(led.headers["location"])["state"] not in made


def test_a_sign_out_leads_to_the_issuer(issuer: Issuer, browser: Browser) -> None:
    at_issuer(issuer, browser).come_back()
    page = browser.get("/sign-in")
    assert issuer.url in page.headers["content-security-policy"]
    left = browser.send(page, "/sign-out")
    assert left.status_code == 303
    assert left.headers["location"].startswith(f"{issuer.url}/end?")
    asked = query_of(left.headers["location"])
    assert asked["client_id"] == CLIENT
    assert asked["post_logout_redirect_uri"].endswith("/sign-in")
    assert not is_signed_in(browser)


def test_a_session_has_the_rights_of_the_rule_and_loses_a_role_with_a_later_token(
    served: Served, issuer: Issuer, browser: Browser
) -> None:
    flow = at_issuer(issuer, browser)
    now = int(time.time())
    flow.claims |= {"sub": "dan", "groups": ["deployers"], "iat": now - 60}
    flow.id_claims["sub"] = "dan"
    flow.come_back()
    served.registry.create_model("churn-1")
    served.registry.create_model("spam")
    assert browser.get("/models/churn-1").status_code == 200
    assert browser.get("/models/spam").status_code == 403
    later = issuer.token(sub="dan", iat=now)
    client = served.client(Authorization=f"Bearer {later}")
    while client.get("/models").status_code != 200:
        pass
    whoami = client.get("/whoami").json()
    assert whoami["roles"] == ["reader"]
    # What is common to both: no role at all, since the rule of deployers does not give reader.
    while browser.get("/models/churn-1").status_code == 200:
        pass
    assert browser.get("/models/churn-1").status_code == 403


@pytest.mark.parametrize("way", ["end", "deactivate", "unlink"])
def test_a_session_ends_with_the_rights_of_its_identity(
    served: Served, issuer: Issuer, browser: Browser, way: str
) -> None:
    flow = at_issuer(issuer, browser)
    sub = f"eve-{way}"
    flow.claims["sub"] = flow.id_claims["sub"] = sub
    flow.come_back()
    assert is_signed_in(browser)
    name = f"{sub}@sso"
    if way == "end":
        served.registry.end_sessions(name)
    elif way == "deactivate":
        served.registry.set_person_active(name, active=False)
    else:
        served.registry.unlink_person(name, issuer=issuer.url, subject=sub)
    (since,) = served.registry.database.fetch_all("SELECT clock_timestamp() AS now")
    while is_signed_in(browser):
        pass
    (until,) = served.registry.database.fetch_all("SELECT clock_timestamp() AS now")
    assert until["now"] - since["now"] < timedelta(seconds=1)


Change = Callable[[Flow], object]
OTHER_KEY = RSAKey.generate_key(2048, {"kid": "rsa"})


def answer(**changes: str | None) -> Change:
    def change(flow: Flow) -> None:
        merged = {**flow.answer, **changes}
        flow.answer = {name: value for name, value in merged.items() if value is not None}

    return change


def id_token(header: dict[str, Any] | None = None, **claims: Any) -> Change:
    def change(flow: Flow) -> None:
        flow.id_header |= header or {}
        flow.id_claims |= claims

    return change


def access_token(header: dict[str, Any] | None = None, **claims: Any) -> Change:
    def change(flow: Flow) -> None:
        flow.header |= header or {}
        flow.claims |= claims

    return change


def cookie(change_of: Callable[[str], str]) -> Change:
    def change(flow: Flow) -> None:
        flow.browser.cookies[ATTEMPT_COOKIE] = change_of(flow.browser.cookies[ATTEMPT_COOKIE])

    return change


def other_way_back(given: str) -> str:
    secret, began, provider, _ = given.split(".")
    evil = base64.urlsafe_b64encode(b"//evil.example").decode()
    return f"{secret}.{began}.{provider}.{evil}"


def older(given: str) -> str:
    secret, began, provider, back = given.split(".")
    return f"{secret}.{int(began) - attempts.LIFETIME_S - 1}.{provider}.{back}"


def by_key_of_others(flow: Flow) -> None:
    claims = flow.issuer.claims(**flow.id_claims)
    head = {"alg": "RS256", "kid": "rsa", "typ": "JWT"}
    flow.given["id_token"] = signed(head, claims, OTHER_KEY)


def by_public_key(flow: Flow) -> None:
    """Sign by the public key as if it were a shared secret."""
    signed_part = text_of({"alg": "HS256", "kid": "rsa", "typ": "JWT"}, flow)
    key = flow.issuer.key.as_pem(private=False)
    made = hmac.digest(key, signed_part.encode(), "sha256")
    flow.given["id_token"] = f"{signed_part}.{base64.urlsafe_b64encode(made).decode().rstrip('=')}"


def unsigned(flow: Flow) -> None:
    flow.given["id_token"] = f"{text_of({'alg': 'none', 'kid': 'rsa'}, flow)}."


def text_of(header: dict[str, Any], flow: Flow) -> str:
    """The part of an ID token that is signed."""
    parts = (header, flow.issuer.claims(**flow.id_claims))
    encoded = (base64.urlsafe_b64encode(json.dumps(each).encode()) for each in parts)
    return ".".join(each.decode().rstrip("=") for each in encoded)


def swapped(flow: Flow) -> None:
    """Give the ID token as the access token."""
    flow.given["access_token"] = flow.issuer.token(header=flow.id_header, **flow.id_claims)


def given(**changes: Any) -> Change:
    return lambda flow: flow.given.update(changes)


def refused_code(flow: Flow) -> None:
    flow.status, flow.given = 400, {"error": "invalid_grant"}


NOW = int(time.time())
HOSTILE: dict[str, Change] = {
    "no state": answer(state=None),
    "an empty state": answer(state=""),
    "another state": answer(state="x" * 43),
    "no issuer though it names itself": answer(iss=None),
    "another issuer": answer(iss="https://evil.example"),
    "the issuer with a slash": lambda flow: answer(iss=f"{flow.issuer.url}/")(flow),
    "a refusal": answer(error="access_denied", code=None),
    "a refusal with a code": answer(error="<script>alert(1)</script>"),
    "no code": answer(code=None),
    "an empty code": answer(code=""),
    "a cookie of another way back": cookie(other_way_back),
    "a cookie of another provider": cookie(lambda given: given.replace(".sso.", ".other.")),
    "a cookie of another secret": cookie(lambda given: "A" * 43 + given[43:]),
    "a cookie that is too old": cookie(older),
    "a cookie of no form": cookie(lambda _: "in.x"),
    "another nonce": id_token(nonce="other"),
    "no nonce": id_token(nonce=None),
    "a nonce that is no text": id_token(nonce=["a"]),
    "an ID token of another issuer": id_token(iss="https://evil.example"),
    "an ID token for another client": id_token(aud="other-client"),
    "an ID token for two clients": id_token(aud=[CLIENT, "other-client"]),
    "an ID token for the service": id_token(aud="https://registry.example.com"),
    "an ID token of another party": id_token(azp="other-client"),
    "an expired ID token": id_token(iat=NOW - 7200, exp=NOW - 3600),
    "an ID token without expiry": id_token(exp=None),
    "an ID token of the future": id_token(iat=NOW + 7200, exp=NOW + 9000),
    "an ID token of another person": id_token(sub="ben"),
    "an ID token by the key of others": by_key_of_others,
    "an ID token by the public key as a secret": by_public_key,
    "an ID token without signature": unsigned,
    "an ID token of an unknown key": id_token({"kid": "unknown"}),
    "an ID token by a critical header": id_token({"crit": ["b64"], "b64": True}),
    "no ID token": given(id_token=None),
    "an ID token that is none": given(id_token="a.b.c"),
    "an ID token that is no text": given(id_token=7),
    "no access token": given(access_token=None),
    "the ID token as access token": swapped,
    "an access token for others": access_token(aud="https://other.example"),
    "an expired access token": access_token(iat=NOW - 7200, exp=NOW - 3600),
    "an access token of another issuer": access_token(iss="https://evil.example"),
    "an access token of another type": access_token({"typ": "JWT"}),
    "an access token of a name of Pedigree's own": access_token(sub="service:x\n"),
    "a code that the issuer refuses, as with another verifier": refused_code,
    "a redirect instead of tokens": lambda flow: setattr(flow, "status", 302),
}


def test_there_are_enough_hostile_answers() -> None:
    assert len(HOSTILE) >= 25


@pytest.mark.parametrize("change", HOSTILE.values(), ids=HOSTILE)
def test_a_hostile_answer_begins_no_session(
    served: Served, issuer: Issuer, browser: Browser, change: Change
) -> None:
    flow = at_issuer(issuer, browser)
    before = len(sessions_begun(served))
    change(flow)
    refused = flow.come_back()
    assert 400 <= refused.status_code < 500, refused.text
    assert 'role="alert"' in refused.text
    assert "<script>alert" not in refused.text
    assert ATTEMPT_COOKIE not in browser.cookies
    assert not is_signed_in(browser)
    assert len(sessions_begun(served)) == before
    if change is HOSTILE["a refusal with a code"]:
        return
    for secret in ("c0de", flow.asked["state"], flow.asked["nonce"], SECRET):
        assert secret not in refused.text


def sessions_begun(served: Served) -> list[object]:
    found = served.registry.events(limit=1000)
    return [each for each in found if each.type is EventType.SESSION_BEGUN]


def test_the_same_answer_begins_one_session(
    served: Served, issuer: Issuer, browser: Browser
) -> None:
    flow = at_issuer(issuer, browser)
    kept = browser.cookies[ATTEMPT_COOKIE]
    assert flow.come_back().status_code == 303
    first = browser.cookies[COOKIE]
    browser.cookies[ATTEMPT_COOKIE] = kept
    again = flow.come_back()
    assert again.status_code == 401
    assert "was used before" in words_of(again.text)
    assert browser.cookies[COOKIE] == first


def test_an_answer_is_of_no_use_in_another_browser(
    served: Served, issuer: Issuer, browser: Browser
) -> None:
    flow = at_issuer(issuer, browser)
    with Browser(served.url) as other:
        theirs = at_issuer(issuer, other)
        theirs.answer = flow.answer
        assert theirs.come_back().status_code == 401
        assert not is_signed_in(other)
        other.cookies.clear()
        assert theirs.come_back().status_code == 401


def test_a_parameter_that_comes_twice_counts_as_none(issuer: Issuer, browser: Browser) -> None:
    flow = at_issuer(issuer, browser)
    twice = urlencode([*flow.answer.items(), ("state", flow.asked["state"])])
    assert browser.get(f"/sign-in/callback?{twice}").status_code == 401
    assert not is_signed_in(browser)


@pytest.mark.parametrize("evil", ["//evil.example", "/\\evil.example", "https://evil.example"])
def test_the_issuer_leads_back_to_a_path_of_ours_alone(
    issuer: Issuer, browser: Browser, evil: str
) -> None:
    assert at_issuer(issuer, browser, evil).come_back().headers["location"] == "/"


def test_a_provider_that_is_not_offered_is_refused(issuer: Issuer, browser: Browser) -> None:
    page = browser.get("/sign-in")
    for other in ("other", "", "SSO", "../sso"):
        answer = browser.send(page, "/sign-in/issuer", provider=other)
        assert answer.status_code == 401
        assert "location" not in answer.headers


def test_somebody_whom_no_rule_is_met_by_is_refused_with_the_reason(
    settings: Settings, issuer: Issuer, tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("rules")
    text = people(issuer, f'web_client_id = "{CLIENT}"')
    only = text.partition("[[provider.rule]]\nwhen = { sub")[0]
    with served_with(settings, folder, only) as served, Browser(served.url) as browser:
        refused = at_issuer(issuer, browser).come_back()
        assert refused.status_code == 401
        assert "meets no rule" in words_of(refused.text)
        assert not is_signed_in(browser)


def test_an_issuer_that_is_away_is_named_and_a_token_still_signs_in(
    settings: Settings, tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("away")
    with issuing() as gone:
        text = people(gone, f'web_client_id = "{CLIENT}"')
    with served_with(settings, folder, text) as served, Browser(served.url) as browser:
        page = browser.get("/sign-in")
        assert "cannot be used" in words_of(page.text)
        secret = served.registry.create_token("ann", roles=["reader"]).secret
        assert browser.sign_in(secret).status_code == 303


def test_an_issuer_without_tls_elsewhere_is_not_followed(
    settings: Settings, tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("plain")
    with issuing() as issuer:
        describe(issuer, token_endpoint="http://sso.example/token")
        text = people(issuer, f'web_client_id = "{CLIENT}"')
        with served_with(settings, folder, text) as served, Browser(served.url) as browser:
            page = browser.get("/sign-in")
            assert "token_endpoint is not https" in words_of(page.text)
            led = browser.send(page, "/sign-in/issuer")
            assert led.status_code == 503
            assert urlsplit(led.headers.get("location", "")).netloc == ""


def test_the_forms_of_sign_in_are_two(browser: Browser) -> None:
    actions = [each.action for each in forms_of(browser.get("/sign-in").text)]
    assert actions == ["/sign-in/issuer", "/sign-in"]
