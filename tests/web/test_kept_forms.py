"""A form that is refused comes back with what was typed, and with the reason at its field."""

from collections.abc import Callable, Iterator
from pathlib import Path
from uuid import uuid4

import httpx2
import pytest

from pedigree.access.records import Role
from pedigree.errors import DatabaseBusyError
from pedigree.registry import Registry
from pedigree.server.web.form_tokens import FIELD, KEY_FIELD
from pedigree.settings import Settings
from tests.factories import SECRET_KEY, register
from tests.server.conftest import Served, serving
from tests.web.browsing import Browser, FoundForm, forms_of, words_of
from tests.web.conftest import Visitor
from tests.web.reading import Element, read

LONG = "a" * 300


@pytest.fixture(scope="module")
def served(settings: Settings) -> Iterator[Served]:
    """A service that stores secrets of webhooks."""
    more = {"secret_key": SECRET_KEY, "serve_delivers": False}
    with serving(settings.model_copy(update=more)) as served:
        yield served


def form_with(page: httpx2.Response, button: str) -> FoundForm:
    """The form of a page that has a button."""
    (form,) = [each for each in forms_of(page.text) if button in each.buttons]
    return form


def field_of(answer: httpx2.Response, action: str, name: str) -> Element:
    """The field of a form of a page, by its name."""
    forms = [each for each in read(answer).all("form") if each.attributes.get("action") == action]
    found = [
        field
        for form in forms
        for kind in ("input", "select", "textarea")
        for field in form.all(kind)
        if field.attributes.get("name") == name
    ]
    assert len(found) == 1, [each.attributes for each in found]
    return found[0]


REFUSED = [
    ("/admin/tokens", "Create the token", {"principal": "service:x"}, "principal"),
    ("/admin/tokens", "Create the token", {"principal": LONG}, "principal"),
    ("/admin/tokens", "Create the token", {"principal": "  "}, "principal"),
    ("/admin/tokens", "Create the token", {"principal": "ci", "expires": "soon"}, "expires"),
    ("/admin/tokens", "Create the token", {"principal": "ci", "models": LONG}, "models"),
    ("/admin/grants", "Add the grant", {"to": "group:none-such"}, "to"),
    ("/admin/grants", "Add the grant", {"to": ""}, "to"),
    ("/admin/grants", "Add the grant", {"to": "ann", "role": "none-such"}, "role"),
    ("/admin/grants", "Add the grant", {"to": "ann", "stages": LONG}, "stages"),
    ("/admin/grants", "Add the grant", {"to": "ann", "models": LONG}, "models"),
    ("/admin/grants", "Add the grant", {"to": "ann", "expires": "0 days"}, "expires"),
    ("/admin/grants", "Add the grant", {"to": "ann", "reason": "a\0b"}, "reason"),
    ("/admin/groups", "Create the group", {"name": "a b/c"}, "name"),
    ("/admin/groups", "Create the group", {"name": "ok", "description": "a\0b"}, "description"),
    ("/admin/webhooks", "Create the webhook", {"url": "ftp://ci.example/"}, "url"),
    (
        "/admin/webhooks",
        "Create the webhook",
        {"url": "https://ci.example/", "types": "x!"},
        "types",
    ),
    (
        "/admin/webhooks",
        "Create the webhook",
        {"url": "https://ci.example/", "models": LONG},
        "models",
    ),
]


@pytest.mark.parametrize(("path", "button", "typed", "wrong"), REFUSED)
def test_a_form_of_admin_keeps_what_was_typed_and_says_the_reason_at_its_field(
    visitor: Visitor, path: str, button: str, typed: dict[str, str], wrong: str
) -> None:
    browser = visitor(Role.ADMIN)
    form = form_with(browser.get(path), button)
    sent = {**form.fields, "description": "for the desk", "reason": "as agreed", **typed}
    kept = {name: value for name, value in sent.items() if name in form.fields}
    answer = browser.post(form.action, kept)
    assert answer.status_code in (404, 409, 422), words_of(answer.text)
    assert "It was not done" in words_of(answer.text)
    again = form_with(answer, button)
    names = set(kept) - {FIELD, KEY_FIELD, "role"}
    assert {name: again.fields[name] for name in names} == {name: kept[name] for name in names}
    assert again.fields[KEY_FIELD] != kept[KEY_FIELD]
    field = field_of(answer, form.action, wrong)
    assert field.attributes.get("aria-invalid") == "true", words_of(answer.text)
    about = (field.attributes["aria-describedby"] or "").split()[0]
    (reason,) = read(answer).all("p", id=about)
    assert reason.text
    assert reason.text in words_of(answer.text)


def quarantined(registry: Registry) -> tuple[str, str]:
    """A quarantine, and the button that ends it."""
    registry.quarantine(f"orders-{uuid4().hex[:6]}", reason="late")
    return "/admin/quarantines", "Release"


def granted(registry: Registry) -> tuple[str, str]:
    """A grant, and the button that ends it."""
    grant = registry.grant_access("reader", f"jo-{uuid4().hex[:6]}")
    return "/admin/grants", f"End grant {grant.grant_id}"


def grouped(registry: Registry) -> tuple[str, str]:
    """A group, and the button that adds a member."""
    group = registry.create_group(f"g-{uuid4().hex[:6]}")
    return "/admin/groups", f"Add to {group.name}"


@pytest.mark.parametrize(
    ("made", "name", "wrong"),
    [(quarantined, "reason", "a\0b"), (granted, "reason", "a\0b"), (grouped, "member", LONG)],
)
def test_a_form_in_a_row_of_a_list_is_opened_again(
    served: Served,
    visitor: Visitor,
    made: Callable[[Registry], tuple[str, str]],
    name: str,
    wrong: str,
) -> None:
    browser = visitor(Role.ADMIN)
    path, button = made(served.registry)
    forms = [each for each in forms_of(browser.get(path).text) if button in each.buttons]
    answer = browser.post(forms[0].action, {**forms[0].fields, name: wrong})
    assert answer.status_code == 422
    opened = [
        each for each in read(answer).all("details", class_="act") if "open" in each.attributes
    ]
    assert len(opened) == 1
    (field,) = [each for each in opened[0].all("input") if each.attributes.get("name") == name]
    assert field.attributes.get("aria-invalid") == "true"
    assert field.attributes.get("value") == wrong


def test_what_was_typed_is_shown_where_its_form_is_gone(served: Served, visitor: Visitor) -> None:
    browser = visitor(Role.ADMIN)
    group = served.registry.create_group(f"g-{uuid4().hex[:6]}").name
    form = form_with(browser.get("/admin/groups"), f"Add to {group}")
    served.registry.delete_group(group)
    answer = browser.post(form.action, {**form.fields, "member": "kim@page"})
    assert answer.status_code == 404
    says = words_of(answer.text)
    assert "It was not done" in says
    assert "What you typed" in says
    assert f"group {group} member kim@page" in says


def test_a_program_gets_problem_details_instead_of_a_form(visitor: Visitor) -> None:
    browser = visitor(Role.ADMIN)
    form = form_with(browser.get("/admin/groups"), "Create the group")
    answer = browser.post(form.action, {**form.fields, "name": "a b/c"}, Accept="application/json")
    assert answer.status_code == 422
    assert answer.headers["content-type"] == "application/problem+json"
    assert (answer.json()["field"], answer.json()["value"]) == ("name", "'a b/c'")


def ended(served: Served, browser: Browser) -> None:
    """An admin ends the session."""
    sessions = served.registry.operations.sessions
    sessions.end(sessions.sessions(limit=1)[0].session_id)
    while "Sign out" in browser.get("/sign-in").text:
        pass


def revoked(served: Served, browser: Browser) -> None:
    """The token of the session is revoked."""
    served.registry.revoke_token(served.registry.tokens(limit=1000)[-1].token_id)
    while "Sign out" in browser.get("/sign-in").text:
        pass


def signed_out(served: Served, browser: Browser) -> None:
    """Somebody signs out in another tab."""
    browser.send(browser.get("/admin"), "/sign-out")


def expired(served: Served, browser: Browser) -> None:
    """A day has passed."""
    served.registry.database.transaction(
        lambda t: t.execute(
            "UPDATE pedigree.web_session SET began_at = began_at - interval '2 days',"
            " expires_at = expires_at - interval '2 days' WHERE ended_at IS NULL"
        )
    )
    while "Sign out" in browser.get("/sign-in").text:
        pass


@pytest.mark.parametrize("end", [ended, revoked, signed_out, expired])
def test_after_the_session_ended_a_form_is_shown_again_with_what_was_typed(
    served: Served, visitor: Visitor, end: Callable[[Served, Browser], None]
) -> None:
    name = f"lee@{uuid4().hex[:8]}"
    browser = visitor(Role.ADMIN, name=name)
    group = f"night-{uuid4().hex[:8]}"
    form = form_with(browser.get("/admin/groups"), "Create the group")
    typed = {**form.fields, "name": group, "description": "those of <b>nights</b>"}
    end(served, browser)

    refused = browser.post(form.action, typed)
    assert refused.status_code == 401
    says = words_of(refused.text)
    assert "You are not signed in, or your session has ended." in says
    assert f"name {group}" in says
    assert "those of <b>nights</b>" in says
    assert "<b>nights</b>" not in refused.text
    (kept,) = [each for each in forms_of(refused.text) if each.action == form.action]

    browser.sign_in(served.registry.create_token(name, roles=[Role.ADMIN]).secret)
    shown = browser.post(kept.action, kept.fields)
    assert shown.status_code == 403
    again = form_with(shown, "Create the group")
    assert (again.fields["name"], again.fields["description"]) == (group, typed["description"])
    assert group not in [each.name for each in served.registry.access_groups(limit=1000)]

    assert browser.post(again.action, again.fields).status_code == 303
    assert group in [each.name for each in served.registry.access_groups(limit=1000)]


@pytest.mark.parametrize("site", [None, "none"])
def test_a_form_of_which_no_browser_says_that_it_is_ours_is_not_offered_again(
    served: Served, visitor: Visitor, site: str | None
) -> None:
    browser = visitor(Role.ADMIN)
    form = form_with(browser.get("/admin/groups"), "Create the group")
    forged = {**form.fields, FIELD: "guessed", "name": "evil"}
    headers = {"Sec-Fetch-Site": site or ""}
    if site is None:
        headers = {}
        browser.person = {name: value for name, value in browser.person.items() if name == "Accept"}
    for signed_in in (True, False):
        if not signed_in:
            browser.cookies.clear()
        answer = browser.post(form.action, forged, **headers)
        assert answer.status_code == (403 if signed_in else 401)
        assert not [each for each in forms_of(answer.text) if each.action == form.action]
        assert "evil" in words_of(answer.text)
    assert "evil" not in [each.name for each in served.registry.access_groups(limit=1000)]


def test_what_is_typed_for_an_action_is_kept_after_the_session_ended(
    served: Served, visitor: Visitor, tmp_path: Path
) -> None:
    reference = register(served.registry, tmp_path, "k", f"kept-{uuid4().hex[:6]}")
    name, _, number = reference.partition("/")
    who = f"max@{uuid4().hex[:8]}"
    browser = visitor(Role.ADMIN, name=who)
    path = f"/models/{name}/versions/{number}/quarantine"
    form = next(each for each in forms_of(browser.get(path).text) if "generation" in each.fields)
    ended(served, browser)
    typed = {**form.fields, "reason": "odd scores in May"}
    refused = browser.post(path, typed)
    assert refused.status_code == 401
    (kept,) = [each for each in forms_of(refused.text) if each.action == path]
    browser.sign_in(served.registry.create_token(who, roles=[Role.ADMIN]).secret)
    shown = browser.post(path, kept.fields)
    assert "odd scores in May" in words_of(shown.text)
    again = next(each for each in forms_of(shown.text) if "generation" in each.fields)
    assert browser.post(path, {**again.fields, "reason": "odd scores in May"}).status_code == 303
    assert served.registry.get(reference).quarantine_reason == "odd scores in May"


def test_what_was_typed_can_be_sent_again_when_the_registry_was_busy(
    served: Served, visitor: Visitor, monkeypatch: pytest.MonkeyPatch
) -> None:
    browser = visitor(Role.ADMIN)
    form = form_with(browser.get("/admin/groups"), "Create the group")
    typed = {**form.fields, "name": f"busy-{uuid4().hex[:6]}", "description": "for a test"}

    def busy(*_: object, **__: object) -> None:
        raise DatabaseBusyError("no connection was free in time", remedy="Try again in a second")

    with monkeypatch.context() as patched:
        patched.setattr("pedigree.registry.access.AccessOperations.create_group", busy)
        patched.setattr("pedigree.registry.access.AccessOperations.access_groups", busy)
        refused = browser.post(form.action, typed)
    assert refused.status_code == 429
    assert refused.headers["retry-after"] == "1"
    says = words_of(refused.text)
    assert "no connection was free in time" in says
    (kept,) = [each for each in forms_of(refused.text) if each.action == form.action]
    assert kept.buttons == ["Send it again"]
    assert browser.post(kept.action, kept.fields).status_code == 303
    assert browser.post(kept.action, kept.fields).status_code == 303
    groups = [each.name for each in served.registry.access_groups(limit=1000)]
    assert groups.count(typed["name"]) == 1


def test_a_form_that_is_too_large_says_that_the_browser_still_has_it(visitor: Visitor) -> None:
    browser = visitor(Role.ADMIN)
    form = form_with(browser.get("/admin/groups"), "Create the group")
    answer = browser.post(form.action, {**form.fields, "description": "a" * 1_000_000})
    assert answer.status_code == 413
    says = words_of(answer.text)
    assert "This is too large" in says
    assert "go back in your browser, where the form still has it" in says
