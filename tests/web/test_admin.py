"""Admin: who sees it, what it says, and what its forms do."""

from collections.abc import Iterator
from pathlib import Path

import httpx2
import pytest

from pedigree.access.records import Role
from pedigree.distribution import own_version
from pedigree.lifecycle.policy import open_policy
from pedigree.postgres.migrate import all_migrations
from pedigree.server.web.admin.links import PARTS
from pedigree.settings import Settings
from tests.factories import SECRET_KEY, register
from tests.receiving import Receiver, receiving
from tests.server.conftest import Served, serving
from tests.web.browsing import Browser, FoundForm, forms_of, words_of
from tests.web.conftest import Visitor


@pytest.fixture(scope="module")
def served(settings: Settings) -> Iterator[Served]:
    """A service that stores secrets of webhooks, and reaches this machine."""
    more = {"secret_key": SECRET_KEY, "webhook_networks": ("127.0.0.0/8",), "serve_delivers": False}
    with serving(Settings(**{**settings.model_dump(), **more})) as served:
        yield served


def act(browser: Browser, page: httpx2.Response, button: str, **fields: str) -> httpx2.Response:
    """Send the form of a page that has a button."""
    (form,) = [each for each in forms_of(page.text) if button in each.buttons]
    return browser.post(form.action, {**form.fields, **fields})


@pytest.mark.parametrize("role", [*Role])
def test_people_who_may_audit_see_it_and_others_see_who_may(visitor: Visitor, role: Role) -> None:
    browser = visitor(role)
    for _, path in PARTS:
        answer = browser.get(path)
        if role in (Role.ADMIN, Role.AUDITOR):
            assert answer.status_code == 200, path
            assert f'href="{path}" aria-current="page"' in answer.text
        else:
            assert answer.status_code == 403, path
            assert "People with the role auditor or admin may do this" in words_of(answer.text)
    assert ('href="/admin"' in browser.get("/models/none").text) == (
        role in (Role.ADMIN, Role.AUDITOR)
    )


def test_an_auditor_sees_no_action_and_who_may(visitor: Visitor) -> None:
    browser = visitor(Role.AUDITOR)
    for _, path in PARTS:
        page = browser.get(path)
        posts = {each.action for each in forms_of(page.text) if each.method == "post"}
        assert posts == {"/sign-out"}, path
    assert "People with the role admin may do this." in words_of(browser.get("/admin/tokens").text)


def test_a_token_is_shown_once_and_revoked(served: Served, visitor: Visitor) -> None:
    browser = visitor(Role.ADMIN)
    page = browser.get("/admin/tokens")
    fields = {"principal": "ci@page", "role-reader": "yes", "models": "churn*, spam"}
    (form,) = [each for each in forms_of(page.text) if "Create the token" in each.buttons]
    sent = {**form.fields, **fields, "expires": "12 hours"}
    shown = browser.post(form.action, sent)
    assert shown.status_code == 201
    assert shown.headers["cache-control"] == "no-store"
    assert "etag" not in shown.headers
    (secret,) = [each for each in words_of(shown.text).split() if each.startswith("pdg_")]
    token = served.registry.tokens(limit=1000)[-1]
    assert (token.principal, token.roles, token.models) == (
        "ci@page",
        ("reader",),
        ("churn*", "spam"),
    )
    assert token.expires_at is not None
    assert (token.expires_at - token.created_at).total_seconds() == 12 * 3600
    again = browser.post(form.action, sent)
    assert "was sent before" in words_of(again.text)
    assert secret not in again.text
    assert served.registry.tokens(limit=1000)[-1].token_id == token.token_id
    assert secret not in browser.get("/admin/tokens").text
    assert served.client(Authorization=f"Bearer {secret}").get("/models").status_code == 200
    button = f"Revoke token {token.token_id}"
    done = act(browser, browser.get("/admin/tokens"), button)
    assert done.status_code == 303
    assert served.registry.tokens(limit=1000)[-1].revoked_at is not None
    assert button not in browser.get("/admin/tokens").text


@pytest.mark.parametrize(
    ("name", "wrong", "status"),
    [
        *(("principal", each, 422) for each in ("", "   ", "service:x", "role:x", "a" * 300)),
        *(("expires", each, 422) for each in ("soon", "0 days", "-1 days", "9999999 days")),
        ("models", "a" * 60_000, 422),
        ("role-none", "yes", 404),
    ],
)
def test_a_token_that_cannot_be_is_refused_with_the_reason(
    served: Served, visitor: Visitor, name: str, wrong: str, status: int
) -> None:
    browser = visitor(Role.ADMIN)
    before = len(served.registry.tokens(limit=1000))
    page = browser.get("/admin/tokens")
    answer = act(browser, page, "Create the token", **{"principal": "ci", name: wrong})
    assert answer.status_code == status, answer.text
    assert 'class="lede"' in answer.text
    assert len(served.registry.tokens(limit=1000)) == before


def test_a_list_of_tokens_goes_on_from_page_to_page(served: Served, visitor: Visitor) -> None:
    for number in range(60):
        served.registry.create_token(f"many-{number}", roles=[Role.READER])
    browser, path, seen = visitor(Role.ADMIN), "/admin/tokens", 0
    while path:
        page = browser.get(path)
        seen += page.text.count('<th scope="row" data-l="Token">')
        found = [each for each in page.text.split('href="') if each.startswith("/admin/tokens?")]
        path = found[0].partition('"')[0].replace("&amp;", "&") if found else ""
    assert seen == len(served.registry.tokens(limit=1000))


@pytest.mark.parametrize("wrong", ["x", "-1", "0", "9" * 40, "1.5", "\u0663"])
def test_a_place_in_a_list_that_is_none_is_refused(visitor: Visitor, wrong: str) -> None:
    browser = visitor(Role.ADMIN)
    for path in ("/admin/tokens?after=", "/admin/sessions?before=", "/admin/people?after="):
        assert browser.get(f"{path}{wrong.encode().hex() if not wrong.isascii() else wrong}")
        assert browser.get(f"{path}{wrong}").status_code == 422


def test_an_admin_ends_a_session_and_it_is_listed_as_ended(visitor: Visitor) -> None:
    theirs, browser = visitor(Role.READER, name="guest@page"), visitor(Role.ADMIN)
    page = browser.get("/admin/sessions")
    assert "guest@page" in words_of(page.text)
    rows = [each for each in page.text.split("<tr>") if "guest@page" in each]
    number = rows[0].partition('data-l="Session">')[2].partition("<")[0]
    assert act(browser, page, f"End session {number}").status_code == 303
    while "Sign out" in theirs.get("/sign-in").text:
        pass
    rows = [
        each for each in browser.get("/admin/sessions").text.split("<tr>") if "guest@page" in each
    ]
    assert "ended" in words_of(rows[0])


def test_what_somebody_may_do_is_explained(served: Served, visitor: Visitor) -> None:
    served.registry.create_group("desk", description="the desk")
    served.registry.add_member("desk", "fay@page")
    grant = served.registry.grant_access("deployer", "group:desk", models=["churn*"])
    denial = served.registry.grant_access("approver", "fay@page", models=["churn-eu"], deny=True)
    browser = visitor(Role.ADMIN)
    page = browser.get("/admin/person?name=fay%40page&model=churn-us&stage=staging")
    says = words_of(page.text)
    assert f"move ✓ yes grant {grant.grant_id} to the group desk (deployer)" in says
    assert "administer ✕ no no grant and no token allows it" in says
    denied = words_of(browser.get("/admin/person?name=fay%40page&model=churn-eu").text)
    assert f"decide ✕ no grant {denial.grant_id} (denies approver)" in denied
    assert "Nobody has logged in by this name" in denied


def test_a_person_is_deactivated_and_let_in_again(served: Served, visitor: Visitor) -> None:
    theirs = visitor(Role.READER, name="gus@page")
    browser = visitor(Role.ADMIN)
    page = browser.get("/admin/person?name=gus%40page")
    assert act(browser, page, "Deactivate").status_code == 303
    while "Sign out" in theirs.get("/sign-in").text:
        pass
    page = browser.get("/admin/person?name=gus%40page")
    assert "deactivated" in words_of(page.text)
    assert act(browser, page, "Let in again").status_code == 303
    (known,) = served.registry.principals(name="gus@page")
    assert known.deactivated_at is None
    assert "gus@page" in words_of(browser.get("/admin/people").text)


def test_nobody_is_offered_to_change_themselves(visitor: Visitor) -> None:
    browser = visitor(Role.ADMIN, name="own@page")
    page = browser.get("/admin/person?name=own%40page")
    assert "Nobody changes their own rights" in words_of(page.text)
    assert not [each for each in forms_of(page.text) if "Deactivate" in each.buttons]


def test_a_grant_is_added_and_ended(served: Served, visitor: Visitor) -> None:
    browser = visitor(Role.ADMIN)
    page = browser.get("/admin/grants")
    fields = {"role": "reader", "to": "hal@page", "models": "churn*", "reason": "for a test"}
    assert act(browser, page, "Add the grant", **fields).status_code == 303
    (grant,) = served.registry.access_grants(principal="hal@page")
    assert (grant.models, grant.reason, grant.expires_at) == (("churn*",), "for a test", None)
    page = browser.get("/admin/grants")
    button = f"End grant {grant.grant_id}"
    assert act(browser, page, button, reason="over").status_code == 303
    (ended,) = served.registry.access_grants(principal="hal@page", ended=True)
    assert ended.end_reason == "over"
    assert button not in browser.get("/admin/grants?ended=yes").text
    denied = act(browser, browser.get("/admin/grants"), "Add the grant", role="reader", to="")
    assert denied.status_code == 422


def test_groups_have_members_and_are_deleted(served: Served, visitor: Visitor) -> None:
    browser = visitor(Role.ADMIN)
    page = browser.get("/admin/groups")
    assert act(browser, page, "Create the group", name="night").status_code == 303
    page = browser.get("/admin/groups")
    assert act(browser, page, "Add to night", member="ivy@page").status_code == 303
    page = browser.get("/admin/groups")
    assert "ivy@page" in words_of(page.text)
    assert act(browser, page, "Remove from night", member="ivy@page").status_code == 303
    assert act(browser, browser.get("/admin/groups"), "Delete night").status_code == 303
    assert "night" not in [each.name for each in served.registry.access_groups()]


def test_quarantines_of_data_and_of_versions_are_released(
    served: Served, visitor: Visitor, tmp_path: Path
) -> None:
    reference = register(served.registry, tmp_path, "q", "quarantined")
    served.registry.quarantine_version(reference, reason="odd scores")
    served.registry.quarantine("customers", "May", reason="doubled <b>rows</b>")
    served.registry.quarantine("orders", reason="late")
    browser = visitor(Role.ADMIN)
    page = browser.get("/admin/quarantines")
    says = words_of(page.text)
    assert "customers, partition May doubled <b>rows</b>" in says
    assert "orders, the whole asset late" in says
    assert "one version, quarantined/1 odd scores" in says
    assert "<b>rows</b>" not in page.text
    while forms := [f for f in forms_of(page.text) if "Release" in f.buttons]:
        answer = browser.post(forms[0].action, {**forms[0].fields, "reason": "corrected"})
        assert answer.status_code == 303
        page = browser.get("/admin/quarantines")
    assert served.registry.quarantines() == ()
    assert served.registry.get(reference).quarantine_reason is None
    assert "Nothing is in quarantine" in words_of(page.text)


def planned(browser: Browser) -> FoundForm:
    """The form that performs the plan of a collection."""
    page = browser.get("/admin/retention?plan=now")
    (form,) = [each for each in forms_of(page.text) if "Collect now" in each.buttons]
    return form


def test_exactly_the_plan_that_was_seen_is_collected(
    served: Served, visitor: Visitor, tmp_path: Path
) -> None:
    browser = visitor(Role.ADMIN)
    stray = served.registry.settings.home_folder
    assert stray.exists()
    reference = register(served.registry, tmp_path, "old", "collected")
    served.registry.delete(reference, reason="a test")
    served.registry.database.transaction(
        lambda t: t.execute(
            "UPDATE pedigree.model_version SET deleted_at = deleted_at - interval '1 year'"
            " WHERE deleted_at IS NOT NULL"
        )
    )
    assert "Plan a collection" in words_of(browser.get("/admin/retention").text)
    form = planned(browser)
    other = browser.post(form.action, {**form.fields, "plan": "sha256:" + "0" * 64})
    assert other.status_code == 409
    assert "has changed" in words_of(other.text)
    done = browser.post(form.action, form.fields)
    while done.status_code == 409:  # a card was drawn since, whose bytes the plan does not have
        assert "has changed" in words_of(done.text)
        form = planned(browser)
        done = browser.post(form.action, form.fields)
    assert done.status_code == 200
    assert "version 1" in words_of(done.text)
    assert browser.post(form.action, form.fields).status_code == 409
    empty = browser.get("/admin/retention?plan=now")
    assert "There is nothing to collect now" in words_of(empty.text)


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving() as receiver:
        yield receiver


def test_a_webhook_is_created_tested_paused_and_deleted(
    served: Served, visitor: Visitor, receiver: Receiver
) -> None:
    browser = visitor(Role.ADMIN)
    page = browser.get("/admin/webhooks")
    fields = {"url": f"{receiver.url}/hook", "types": "version.*", "models": "churn*"}
    shown = act(browser, page, "Create the webhook", **fields)
    assert shown.status_code == 201, words_of(shown.text)
    assert "whsec_" in shown.text
    (webhook,) = served.registry.webhooks()
    here = f"/admin/webhooks/{webhook.webhook_id}"
    page = browser.get(here)
    assert "No event has been sent yet" in words_of(page.text)
    tested = act(browser, page, "Send the test")
    assert "answered 2" in words_of(tested.text)
    assert len(receiver.requests) == 1
    assert act(browser, page, "Pause").status_code == 303
    page = browser.get(here)
    assert "State paused" in words_of(page.text)
    assert act(browser, page, "Go on").status_code == 303
    rotated = act(browser, browser.get(here), "Make a new secret")
    assert "whsec_" in rotated.text
    assert browser.get(f"{here}?state=none").status_code == 422
    assert act(browser, browser.get(here), "Delete the webhook").status_code == 303
    assert browser.get(here).status_code == 404


@pytest.mark.parametrize("number", ["0", "x", "-1", "9" * 30, "1.0", "%00"])
def test_a_webhook_of_no_number_is_not_found(visitor: Visitor, number: str) -> None:
    assert visitor(Role.ADMIN).get(f"/admin/webhooks/{number}").status_code in (400, 404)


def test_health_says_what_the_probes_say(served: Served, visitor: Visitor) -> None:
    page = visitor(Role.ADMIN).get("/admin")
    says = words_of(page.text)
    assert "The registry is well" in says
    for part in httpx2.get(f"{served.url}/readyz").json()["parts"]:
        assert f"{part} ✓ answers" in says
    stats = served.registry.stats()
    assert f"Versions {stats.versions:,}" in says
    assert "order of events ✓" in says


def test_health_says_when_the_invariants_were_checked_and_what_was_found(
    settings: Settings, database_url: str, tmp_path: Path
) -> None:
    own = settings.model_copy(update={"database_url": database_url, "home": tmp_path / "home"})
    with serving(own) as served, Browser(served.url) as browser:
        registry = served.registry
        browser.sign_in(registry.create_token("root", roles=[Role.ADMIN]).secret)
        assert registry.operations.fsck.newest_run() is None
        says = words_of(browser.get("/admin").text)
        assert "invariants not known: no run of fsck is recorded" in says

        assert registry.fsck().ok
        says = words_of(browser.get("/admin").text)
        assert "invariants ✓ all held, checked by tester, without reading the bytes" in says

        register(registry, tmp_path, "counted", "counted wrongly")
        wrong = "UPDATE pedigree.registered_model SET next_version = 9"
        registry.database.transaction(lambda transaction: transaction.execute(wrong))
        assert not registry.fsck(hashes=True).ok
        says = words_of(browser.get("/admin").text)
        assert "invariants ✕ violated: versions_gapless (1)" in says
        assert "with the bytes of all objects" in says
        assert "The registry is not well" in says


def test_health_says_what_waits_and_how_the_log_and_the_schema_are(
    served: Served, visitor: Visitor
) -> None:
    browser = visitor(Role.ADMIN)
    webhook = served.registry.create_webhook("https://ci.example/hook").webhook
    served.registry.create_model("waits for its delivery")
    served.registry.events()
    line = f"webhook {webhook.webhook_id} ! the oldest event that was not sent is a moment old"
    while line not in (says := words_of(browser.get("/admin").text)):
        pass
    assert "audit log ! no key seals it" in says
    assert f"schema of the database ✓ {all_migrations()[-1].name}, which is the newest" in says
    assert f"version of the service {own_version()}" in says
    served.registry.delete_webhook(webhook.webhook_id)


def test_policies_lead_to_each_model(served: Served, visitor: Visitor) -> None:
    served.registry.create_model("governed x")
    page = visitor(Role.ADMIN).get("/admin/policies")
    assert 'href="/models/governed%20x/policy"' in page.text
    assert "Policies of new models" not in page.text


def test_policies_of_new_models_are_shown_with_their_patterns(
    served: Served, visitor: Visitor
) -> None:
    served.registry.set_policy_default("risk-*", open_policy(), reason="audit 12")
    page = visitor(Role.ADMIN).get("/admin/policies")
    served.registry.delete_policy_default("risk-*")
    for text in ("risk-*", "staging → production → archived", "audit 12"):
        assert text in page.text
