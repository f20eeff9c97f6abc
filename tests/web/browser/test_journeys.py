"""What people do from the front page to the end of it, with and without scripts.

Three of them run in `make test`, and all of them in both ways in `make test-system`.
"""

from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.databases import Databases
from tests.factories import free_policy, register
from tests.lineage.graphs import graph, node
from tests.web.browser.filling import ANN, BEN, KIM, acting, asking_policy, tokens
from tests.web.browser.sites import Site, opened, sign_in

pytestmark = pytest.mark.timeout(120)

WITH_SCRIPTS = [
    pytest.param(True, id="scripts", marks=pytest.mark.system),
    pytest.param(False, id="no scripts", marks=pytest.mark.system),
]
ALWAYS_WITH_SCRIPTS = [
    pytest.param(True, id="scripts"),
    pytest.param(False, id="no scripts", marks=pytest.mark.system),
]
ALWAYS_WITHOUT_SCRIPTS = [
    pytest.param(True, id="scripts", marks=pytest.mark.system),
    pytest.param(False, id="no scripts"),
]


@pytest.fixture(scope="module")
def desk(
    databases: Databases, tmp_path_factory: pytest.TempPathFactory, browser: Browser
) -> Iterator[Site]:
    """A service on which people act."""
    with opened(databases, tmp_path_factory.mktemp("desk"), browser) as site:
        site.secrets = tokens(site.registry)
        yield site


@pytest.fixture
def model(desk: Site, tmp_path: Path) -> str:
    """A model with a version in production, and one in staging that asks for it."""
    name = f"churn_{uuid4().hex[:8]}"
    ann, ben = acting(desk.registry, ANN), acting(desk.registry, BEN)
    ann.create_model(name, description=f"About {name}", owners=[ANN])
    ann.set_policy(name, free_policy())
    data = graph(node(1, f"raw_{name}", "2026-01"))
    for content in ("first", "second"):
        register(ann, tmp_path, content, name, metrics={"auc": 0.8}, lineage=data)
    ben.promote(f"{name}/1", "production", reason="the first one")
    ben.promote(f"{name}/2", "staging", reason="a better one")
    ann.set_policy(name, asking_policy())
    return name


def tab_to(page: Page, selector: str) -> None:
    """Reach something by the key Tab alone."""
    wanted = f"""() => document.activeElement?.matches({selector!r})"""
    for _ in range(200):
        if page.evaluate(wanted):
            return
        page.keyboard.press("Tab")
    raise AssertionError(f"200 times Tab do not reach {selector}")


def enter(page: Page) -> None:
    """Press Enter where one is, and wait for the page to which it leads."""
    with page.expect_navigation():
        page.keyboard.press("Enter")


@pytest.mark.parametrize("scripts", ALWAYS_WITH_SCRIPTS)
def test_a_second_person_approves_by_keyboard_alone(desk: Site, model: str, scripts: bool) -> None:
    acting(desk.registry, ANN).request_stage(f"{model}/2", "production", reason="two points better")
    (request,) = desk.registry.stage_requests(model)
    with desk.visited(BEN, java_script_enabled=scripts) as page:
        page.goto("/")
        tab_to(page, "nav a[href='/approvals']")
        enter(page)
        tab_to(page, f"a[href='/approvals/{request.request_id}']")
        enter(page)
        expect(page.get_by_text("two points better")).to_be_visible()
        expect(page.get_by_text("It takes production from v1, which is archived.")).to_be_visible()
        tab_to(page, "textarea[name=comment]")
        page.keyboard.type("The slices are fine")
        page.keyboard.press("Tab")
        enter(page)
        expect(page.get_by_role("status").filter(has_text="You approved it.")).to_be_visible()
        page.goto(f"/models/{model}")
        expect(page.get_by_role("heading", name="Version 2 is in production")).to_be_visible()
    champion = desk.registry.champion(model)
    assert champion is not None
    assert champion.version_id == 2
    (decision,) = desk.registry.decisions(f"{model}/2")
    assert (decision.decided_by, decision.comment) == (BEN, "The slices are fine")


@pytest.mark.parametrize("scripts", WITH_SCRIPTS)
def test_approving_ones_own_version_is_never_offered_and_always_refused(
    desk: Site, model: str, scripts: bool
) -> None:
    acting(desk.registry, BEN).request_stage(f"{model}/2", "production", reason="for Ann")
    (request,) = desk.registry.stage_requests(model)
    with desk.visited(ANN, java_script_enabled=scripts) as page:
        page.goto("/approvals")
        for path in (f"/approvals/{request.request_id}", f"/models/{model}/versions/2"):
            page.goto(path)
            expect(page.get_by_role("button", name="Approve")).to_have_count(0)
        page.goto(f"/approvals/{request.request_id}")
        expect(page.get_by_text("You registered this version, so others decide.")).to_be_visible()
        # The form as somebody else has it, with a token of Ann's own from another form.
        page.goto(f"/models/{model}/versions/2/describe")
        hidden = page.locator("form.decide input[type=hidden]")
        fields = {
            str(hidden.nth(place).get_attribute("name")): str(
                hidden.nth(place).get_attribute("value")
            )
            for place in range(hidden.count())
        }
        refused = page.request.post(
            f"/approvals/{request.request_id}",
            form={**fields, "comment": "mine is good", "verdict": "approve"},
            headers={"Sec-Fetch-Site": "same-origin", "Accept": "text/html"},
        )
        assert refused.status == 403
        assert "It was not done:" in refused.text()
    assert desk.registry.decisions(f"{model}/2") == ()
    assert desk.registry.get(f"{model}/2").stage == "staging"


@pytest.mark.parametrize("scripts", WITH_SCRIPTS)
def test_a_partition_is_quarantined_and_released(desk: Site, model: str, scripts: bool) -> None:
    with desk.visited(BEN, java_script_enabled=scripts) as page:
        page.goto("/")
        page.get_by_role("navigation", name="Main").get_by_role("link", name="Impact").click()
        page.get_by_label("Asset", exact=True).fill(f"raw_{model}")
        page.get_by_label("Partition", exact=True).fill("2026-01")
        page.get_by_label("Partition", exact=True).press("Enter")
        expect(page.get_by_role("link", name=f"{model}/1")).to_be_visible()
        page.get_by_label("Reason, for the audit log").fill("rows of another month")
        with page.expect_navigation():
            page.get_by_role("button", name="Quarantine", exact=True).click()
        assert desk.registry.get(f"{model}/2").quarantine_reason is not None
        page.goto(f"/models/{model}/versions/2")
        expect(page.get_by_role("heading", name="in quarantine")).to_be_visible()
        page.goto(f"/impact?asset=raw_{model}&partition=2026-01")
        with page.expect_navigation():
            page.get_by_role("button", name="End the quarantine").first.click()
    assert desk.registry.get(f"{model}/2").quarantine_reason is None


@pytest.mark.parametrize("scripts", ALWAYS_WITHOUT_SCRIPTS)
def test_production_is_rolled_back(desk: Site, model: str, scripts: bool) -> None:
    acting(desk.registry, ANN).set_policy(model, free_policy())
    acting(desk.registry, BEN).promote(f"{model}/2", "production", reason="better")
    with desk.visited(BEN, java_script_enabled=scripts) as page:
        page.goto(f"/models/{model}/versions/2")
        page.get_by_role("link", name="Roll back…").click()
        expect(page.get_by_role("heading", name="What will happen")).to_be_visible()
        page.get_by_label("Reason, for the audit log").fill("scores are off")
        with page.expect_navigation():
            page.get_by_role("button", name="Roll back").click()
        expect(page.get_by_role("heading", name="Version 1 is in production")).to_be_visible()
        expect(page.get_by_text("scores are off").first).to_be_visible()
    assert desk.registry.get(f"{model}/1").stage == "production"


@pytest.mark.parametrize("scripts", WITH_SCRIPTS)
def test_somebody_asks_for_a_stage_and_withdraws(desk: Site, model: str, scripts: bool) -> None:
    with desk.visited(ANN, java_script_enabled=scripts) as page:
        page.goto(f"/models/{model}/versions/2")
        page.get_by_role("link", name="Ask for a stage…").click()
        page.get_by_label("Stage").select_option("production")
        page.get_by_label("Reason, for the audit log").fill("the campaign begins")
        with page.expect_navigation():
            page.get_by_role("button", name="Ask for a stage").click()
        heading = page.get_by_role("heading", name="asks for production")
        expect(heading).to_be_visible()
        expect(page.get_by_text("“the campaign begins”").first).to_be_visible()
        page.get_by_role("link", name="Withdraw the request…").click()
        with page.expect_navigation():
            page.get_by_role("button", name="Withdraw the request").click()
        expect(heading).to_have_count(0)
    assert desk.registry.stage_requests(model) == ()


@pytest.mark.parametrize("scripts", ALWAYS_WITH_SCRIPTS)
def test_a_session_begins_and_ends(desk: Site, model: str, scripts: bool) -> None:
    context = desk.context(java_script_enabled=scripts)
    page = context.new_page()
    page.goto(f"/models/{model}")
    expect(page.get_by_role("heading", name="Sign in", exact=True)).to_be_visible()
    page.get_by_label("Token").fill(desk.secrets[KIM])
    with page.expect_navigation():
        page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("heading", name=model, level=1)).to_be_visible()
    assert desk.secrets[KIM] not in page.content() + page.url
    with page.expect_navigation():
        page.get_by_role("button", name="Sign out").click()
    page.goto("/")
    expect(page.get_by_role("heading", name="Sign in", exact=True)).to_be_visible()
    context.close()


@pytest.mark.parametrize("scripts", WITH_SCRIPTS)
def test_a_revoked_session_is_out_at_its_next_page(desk: Site, scripts: bool) -> None:
    operator = acting(desk.registry, "operator")
    issued = operator.create_token(f"tom-{uuid4().hex[:6]}@example.com", roles=("reader",))
    context = desk.context(java_script_enabled=scripts)
    page = context.new_page()
    sign_in(page, issued.secret)
    expect(page.get_by_role("heading", name="Models")).to_be_visible()
    operator.revoke_token(issued.token.token_id)

    def is_out() -> bool:
        page.goto("/approvals")
        return page.get_by_role("heading", name="Sign in", exact=True).is_visible()

    assert any(is_out() for _ in range(200)), "it is still signed in"
    context.close()
