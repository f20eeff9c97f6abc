"""Sign in to the page by a token, sessions, and their end."""

from collections.abc import Iterator
from datetime import timedelta

import httpx2
import pytest

from pedigree.access.records import Role
from pedigree.audit.event_types import EventType
from pedigree.server.http import unknown_tokens
from pedigree.server.web.rendering import policy
from pedigree.server.web.visitors import COOKIE
from pedigree.settings import Settings
from tests.server.conftest import Served, serving
from tests.web.browsing import Browser, forms_of, query_of, words_of


@pytest.fixture
def browser(served: Served) -> Iterator[Browser]:
    with Browser(served.url) as browser:
        yield browser


def secret_of(served: Served, *roles: Role, principal: str = "ann", **more: object) -> str:
    return served.registry.create_token(principal, roles=roles, **more).secret  # type: ignore[arg-type]


def is_signed_in(browser: Browser) -> bool:
    return "Sign out" in browser.get("/sign-in").text


def test_the_cookie_of_a_session_is_of_this_host_alone_and_no_script_reads_it(
    served: Served, browser: Browser
) -> None:
    page = browser.get("/sign-in")
    assert page.status_code == 200
    first = browser.cookies[COOKIE]
    answer = browser.sign_in(secret_of(served, Role.READER))
    assert (answer.status_code, answer.headers["location"]) == (303, "/")
    (made,) = answer.headers.get_list("set-cookie")
    assert made.startswith("__Host-pedigree=")
    for attribute in ("; HttpOnly", "; Path=/", "; SameSite=lax", "; Secure"):
        assert attribute in made
    assert "Domain" not in made
    assert browser.cookies[COOKIE] != first
    assert len(browser.cookies[COOKIE]) >= 43
    assert is_signed_in(browser)


def test_a_session_is_kept_by_its_hash_alone(served: Served, browser: Browser) -> None:
    secret = secret_of(served, Role.READER)
    browser.sign_in(secret)
    rows = served.registry.database.fetch_all("SELECT s::text AS row FROM pedigree.web_session s")
    text = " ".join(row["row"] for row in rows)
    assert browser.cookies[COOKIE] not in text
    assert secret not in text


def test_a_sign_in_begins_a_new_session_and_ends_the_former_one(
    served: Served, browser: Browser
) -> None:
    secret = secret_of(served, Role.READER)
    browser.sign_in(secret)
    former = browser.cookies[COOKIE]
    browser.sign_in(secret)
    assert browser.cookies[COOKIE] != former
    browser.cookies[COOKIE] = former
    assert not is_signed_in(browser)


def test_a_cookie_that_somebody_chose_never_becomes_a_session(
    served: Served, browser: Browser
) -> None:
    for chosen in ("a" * 43, "in." + "a" * 43):
        browser.cookies[COOKIE] = chosen
        answer = browser.sign_in(secret_of(served, Role.READER))
        assert answer.status_code == 303
        assert browser.cookies[COOKIE] != chosen


@pytest.mark.parametrize(
    "wrong",
    ["", "pdg_" + "x" * 43, "guessed", "pdg_", "x" * 600, "Bearer pdg_x", "\0", "pdg_\udc80"],
)
def test_a_wrong_token_is_refused_and_is_not_on_the_page(browser: Browser, wrong: str) -> None:
    page = browser.get("/sign-in")
    form = next(each for each in forms_of(page.text) if "token" in each.fields)
    fields = {**form.fields, "token": wrong.encode(errors="replace").decode()}
    answer = browser.post("/sign-in", fields)
    assert answer.status_code == 401
    assert "no such token is valid" in answer.text
    assert len(wrong) < 8 or wrong not in answer.text
    assert not is_signed_in(browser)


def test_no_address_has_a_token(served: Served, browser: Browser) -> None:
    secret = secret_of(served, Role.READER)
    answer = browser.get(f"/sign-in?token={secret}")
    assert not is_signed_in(browser)
    assert secret not in answer.text
    (form,) = [each for each in forms_of(answer.text) if "token" in each.fields]
    assert (form.method, form.fields["token"]) == ("post", "")


@pytest.mark.parametrize(
    "evil",
    [
        *("https://evil.example", "//evil.example", "/\\evil.example", "\\\\evil.example"),
        *("/\t/evil.example", "/\n/evil.example", " //evil.example", "///evil.example"),
        *("javascript:alert(1)", "/../..//evil.example", "http:evil.example", "evil.example"),
        *("/%0d%0aLocation:x\r\n", "/sign-out", "/sign-in", "/models/\u202egnp", "/" + "a" * 5000),
        *("/./evil", "/a//b", "/models/x\\..\\y", "data:text/html,x", "\0/"),
    ],
)
def test_the_way_back_is_a_path_of_ours_alone(served: Served, browser: Browser, evil: str) -> None:
    answer = browser.sign_in(secret_of(served, Role.READER), evil)
    assert (answer.status_code, answer.headers["location"]) == (303, "/")


@pytest.mark.parametrize("path", ["/models/churn", "/models/a%2Fb/versions/1?x=1&y=%20", "/?q=a"])
def test_a_sign_in_leads_to_the_page_that_was_asked_for(
    served: Served, browser: Browser, path: str
) -> None:
    answer = browser.sign_in(secret_of(served, Role.READER), path)
    assert answer.headers["location"] == path


def test_a_sign_out_ends_the_session_at_once(served: Served, browser: Browser) -> None:
    browser.sign_in(secret_of(served, Role.READER))
    cookie = browser.cookies[COOKIE]
    page = browser.get("/sign-in")
    answer = browser.send(page, "/sign-out")
    assert (answer.status_code, answer.headers["location"]) == (303, "/sign-in")
    assert COOKIE not in browser.cookies
    browser.cookies[COOKIE] = cookie
    assert not is_signed_in(browser)
    kinds = [each.type for each in served.registry.events(limit=1000)]
    assert kinds[-2:] == [EventType.SESSION_BEGUN, EventType.SESSION_ENDED]


def until_signed_out(served: Served, browser: Browser, since: str) -> timedelta:
    """Ask until the session ends; return how long that took since a time of the database."""
    while is_signed_in(browser):
        pass
    found = served.registry.database.fetch_all(
        "SELECT clock_timestamp() - %(since)s::timestamptz AS passed", {"since": since}
    )
    passed: timedelta = found[0]["passed"]
    return passed


def now(served: Served) -> str:
    return str(
        served.registry.database.fetch_all("SELECT clock_timestamp()::text AS now")[0]["now"]
    )


def test_a_session_ends_within_a_second_after_its_token_is_revoked(
    served: Served, browser: Browser
) -> None:
    issued = served.registry.create_token("ben", roles=[Role.READER])
    browser.sign_in(issued.secret)
    assert is_signed_in(browser)
    since = now(served)
    served.registry.revoke_token(issued.token.token_id)
    assert until_signed_out(served, browser, since) < timedelta(seconds=1)


def test_a_session_ends_within_a_second_after_an_admin_ends_it(
    served: Served, browser: Browser
) -> None:
    browser.sign_in(secret_of(served, Role.READER, principal="cleo"))
    assert is_signed_in(browser)
    since, sessions = now(served), served.registry.operations.sessions
    (newest,) = sessions.sessions(limit=1)
    assert (newest.principal, newest.is_open) == ("cleo", True)
    assert sessions.end(newest.session_id).ended_by == "tester"
    assert until_signed_out(served, browser, since) < timedelta(seconds=1)
    assert sessions.end(newest.session_id).ended_by == "tester"


@pytest.mark.parametrize("way", ["end", "deactivate"])
def test_a_session_ends_with_the_rights_of_its_person(
    served: Served, browser: Browser, way: str
) -> None:
    name = f"dora-{way}"
    browser.sign_in(secret_of(served, Role.READER, principal=name))
    assert is_signed_in(browser)
    if way == "end":
        served.registry.end_sessions(name)
    else:
        served.registry.set_person_active(name, active=False)
    assert until_signed_out(served, browser, now(served)) < timedelta(seconds=1)


@pytest.mark.parametrize(
    "past",
    [
        "used_at = clock_timestamp() - interval '8 hours 1 second'",
        "expires_at = clock_timestamp() - interval '1 second'",
    ],
)
def test_a_session_ends_when_it_is_idle_or_old(served: Served, browser: Browser, past: str) -> None:
    browser.sign_in(secret_of(served, Role.READER))
    assert is_signed_in(browser)
    served.registry.database.transaction(
        lambda t: t.execute(
            f"UPDATE pedigree.web_session SET {past} WHERE session_id ="  # type: ignore[arg-type]
            " (SELECT max(session_id) FROM pedigree.web_session)"
        )
    )
    assert until_signed_out(served, browser, now(served)) < timedelta(seconds=1)


def test_a_session_lasts_a_day_at_most_and_no_longer_than_its_token(
    served: Served, browser: Browser
) -> None:
    sessions = served.registry.operations.sessions
    browser.sign_in(secret_of(served, Role.READER))
    (found,) = sessions.sessions(limit=1)
    assert found.expires_at - found.began_at == timedelta(hours=24)
    issued = served.registry.create_token("ann", roles=[Role.READER], expires=timedelta(hours=1))
    browser.sign_in(issued.secret)
    (found,) = sessions.sessions(limit=1)
    assert found.expires_at == issued.token.expires_at


def test_the_use_of_a_session_is_noted(served: Served, browser: Browser) -> None:
    browser.sign_in(secret_of(served, Role.READER))
    served.registry.database.transaction(
        lambda t: t.execute(
            "UPDATE pedigree.web_session SET used_at = began_at - interval '6 minutes'"
            " WHERE session_id = (SELECT max(session_id) FROM pedigree.web_session)"
        )
    )

    def used() -> bool:
        (found,) = served.registry.operations.sessions.sessions(limit=1)
        return found.used_at >= found.began_at

    while not used():
        assert is_signed_in(browser)


def test_a_session_has_the_rights_of_its_token(served: Served, browser: Browser) -> None:
    browser.sign_in(secret_of(served, Role.READER, models=("churn*",)))
    page = browser.get("/sign-in")
    assert "ann" in words_of(page.text)
    assert browser.get("/admin").status_code == 403
    browser.sign_in(secret_of(served, Role.ADMIN))
    assert browser.get("/admin").status_code == 200


def test_the_api_ignores_the_cookie(served: Served, browser: Browser) -> None:
    browser.sign_in(secret_of(served, Role.ADMIN))
    assert is_signed_in(browser)
    for path in ("/api/v1/models", "/api/v1/tokens", "/api/v1/whoami", "/metrics"):
        assert browser.get(path, Accept="*/*").status_code == 401, path
    made = browser.post("/api/v1/models", {}, **{"Content-Type": "application/json"})
    assert made.status_code == 401


def test_a_token_in_the_head_comes_before_a_cookie(served: Served, browser: Browser) -> None:
    browser.sign_in(secret_of(served, Role.ADMIN))
    reader = secret_of(served, Role.READER, principal="eva")
    assert browser.get("/admin", Authorization=f"Bearer {reader}").status_code == 403


def test_nobody_signs_in_over_plain_http_from_elsewhere(served: Served, browser: Browser) -> None:
    page = browser.get("/sign-in", Host="registry.example")
    assert "over plain HTTP" in words_of(page.text)
    assert forms_of(page.text) == [] or all("token" not in f.fields for f in forms_of(page.text))
    local = browser.get("/sign-in")
    (form,) = [each for each in forms_of(local.text) if "token" in each.fields]
    fields = {**form.fields, "token": secret_of(served, Role.READER)}
    refused = browser.post("/sign-in", fields, Host="registry.example")
    assert refused.status_code == 403
    assert "over plain HTTP" in words_of(refused.text)
    assert "X-Forwarded-Proto" in words_of(refused.text)


def test_a_proxy_on_this_machine_says_that_a_request_came_over_tls(
    served: Served, browser: Browser
) -> None:
    told = {"Host": "registry.example", "X-Forwarded-Proto": "https"}
    page = browser.get("/sign-in", **told)
    (form,) = [each for each in forms_of(page.text) if "token" in each.fields]
    fields = {**form.fields, "token": secret_of(served, Role.READER)}
    assert browser.post("/sign-in", fields, **told).status_code == 303


def test_below_the_prefix_of_a_proxy_all_links_have_it(
    settings: Settings,
) -> None:
    below = settings.model_copy(update={"serve_prefix": "/registry"})
    with serving(below) as served, Browser(served.url) as browser:
        page = browser.get("/registry/sign-in?next=/models/churn")
        (form,) = [each for each in forms_of(page.text) if "token" in each.fields]
        assert form.action == "/registry/sign-in"
        answer = browser.post(form.action, {**form.fields, "token": secret_of(served)})
        assert answer.headers["location"] == "/registry/models/churn"
        led = browser.get("/registry/admin", Cookie="")
        assert led.headers["location"] == "/registry/sign-in?next=%2Fadmin"


def test_without_authentication_this_machine_alone_is_let_in(
    database_url: str, settings: Settings
) -> None:
    opened = settings.model_copy(update={"database_url": database_url, "serve_open": True})
    with serving(opened) as served, Browser(served.url) as browser:
        assert browser.get("/admin").status_code == 200
        refused = browser.get("/admin", Host="registry.example")
        assert refused.status_code == 303
        for _ in range(250):  # its cookie, which is of no session, is never looked up
            assert browser.get("/admin").status_code == 200
        served.registry.create_token("ci", roles=[Role.READER])
        while (answer := browser.get("/admin")).status_code == 200:
            pass
        assert query_of(answer.headers["location"]) == {"next": "/admin"}


def test_the_page_of_sign_in_has_the_policy_of_every_page_and_is_not_kept(
    browser: Browser,
) -> None:
    page = browser.get("/sign-in")
    assert page.headers["content-security-policy"] == policy()
    assert page.headers["cache-control"] == "no-store"
    head: httpx2.Headers = page.headers
    assert head["referrer-policy"] == "same-origin"


def test_an_address_that_guesses_sessions_is_refused_soon(
    served: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(unknown_tokens, "_SECONDS", 600.0)
    with Browser(served.url) as browser:
        statuses = []
        for number in range(260):
            browser.cookies[COOKIE] = f"in.{number:043}"
            statuses.append(
                browser.get("/sign-in", **{"X-Forwarded-For": "192.0.2.77"}).status_code
            )
        assert statuses[0] != 429
        assert statuses[-1] == 429


def test_fsck_finds_nothing_after_sessions_began_and_ended(
    served: Served, browser: Browser
) -> None:
    browser.sign_in(secret_of(served, Role.READER))
    browser.send(browser.get("/sign-in"), "/sign-out")
    browser.sign_in(secret_of(served, Role.READER))
    report = served.registry.fsck()
    # The tests of idle and old sessions changed their rows, which no invariant is about.
    assert [each.examples for each in report.checks if each.violations] == []
