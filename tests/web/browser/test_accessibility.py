"""Pages in a real browser: accessible by axe's rules (WCAG 2.2 AA), on a desk and on a phone.

https://github.com/dequelabs/axe-core has the rules.
"""

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from pedigree.audit.records import Actor
from pedigree.registry import Registry
from tests.factories import free_policy, register
from tests.server.conftest import Served, serving

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
RULES = {"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]}
PAGES = (
    *("/", "/?q=metrics.auc+%3E", "/?q=nothing-like-it"),
    *("/models/churn", "/models/churn/policy", "/models/none", "/models/churn/versions/1"),
    *("/models/churn/versions/1/evidence", "/models/churn/versions/2/promote"),
    "/compare?v=churn/1&v=churn/2",
    *("/approvals?show=all", "/approvals/1", "/impact?asset=customers", "/drift"),
    *("/audit", "/audit?event=1", "/audit/verify", "/sign-in", "/admin", "/admin/tokens"),
)

pytestmark = [
    pytest.mark.system,
    pytest.mark.skipif(CHROMIUM is None, reason="Debian's package chromium is not installed"),
]


def furnish(registry: Registry, folder: Path) -> None:
    """Fill a registry with what the pages show."""
    policy = free_policy()
    registry.set_policy("churn", policy)
    for number in range(1, 5):
        register(registry, folder, f"weights {number}", "churn", metrics={"auc": 0.8 + number / 50})
    registry.promote("churn/1", "production", reason="the first one")
    registry.set_alias("churn", "best", 2)
    ann = registry.acting_as(Actor(name="ann@example.com", source="test"))
    registry.quarantine_version("churn/3", reason="wrong labels")
    ann.request_stage("churn/3", "staging", reason="when it is released")
    registry.create_model("empty", description="<script>alert(1)</script>", owners=["ann"])


@pytest.fixture(scope="module")
def open_page(settings: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """A service that lets this machine in, with a few models."""
    opened = settings.model_copy(update={"serve_open": True})
    with serving(opened) as served:
        furnish(served.registry, tmp_path_factory.mktemp("artifacts"))
        yield served


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        started = playwright.chromium.launch(
            executable_path=CHROMIUM, args=["--no-sandbox", "--disable-dev-shm-usage"]
        )
        yield started
        started.close()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1440, 390])
def test_no_page_breaks_a_rule_or_scrolls_sideways(
    open_page: Served, browser: Any, scheme: str, width: int
) -> None:
    from axe_playwright_python.sync_playwright import Axe

    axe, wrong, noise = Axe(), [], []
    context = browser.new_context(
        color_scheme=scheme, viewport={"width": width, "height": 900}, bypass_csp=True
    )
    page = context.new_page()
    page.on("console", lambda said: noise.append(said.text) if said.type == "error" else None)
    page.on("dialog", lambda dialog: wrong.append(f"a dialog: {dialog.message}"))
    for path in PAGES:
        answer = page.goto(f"{open_page.url}{path}")
        if answer.status >= 500:
            wrong.append(f"{path}: {answer.status}")
        found = axe.run(page, options=RULES).response["violations"]
        wrong += [
            f"{path}: {each['id']} ({each['impact']}) at {each['nodes'][0]['target']}"
            for each in found
            if each["impact"] in ("serious", "critical")
        ]
        wide = page.evaluate("document.documentElement.scrollWidth")
        if wide > width:
            wrong.append(f"{path}: {wide} px wide")
    context.close()
    assert wrong == []


def test_pages_load_nothing_that_their_policy_refuses(open_page: Served, browser: Any) -> None:
    refused: list[str] = []
    page = browser.new_page()
    page.on("console", lambda said: refused.append(said.text) if "Policy" in said.text else None)
    page.on(
        "request",
        lambda sent: None if sent.url.startswith(open_page.url) else refused.append(sent.url),
    )
    for path in PAGES:
        page.goto(f"{open_page.url}{path}")
    page.close()
    assert refused == []


def test_a_person_promotes_by_keyboard_and_sees_it(open_page: Served, browser: Any) -> None:
    page = browser.new_page()
    page.goto(f"{open_page.url}/models/churn/versions/4/promote")
    page.select_option("select[name=stage]", "staging")
    page.focus("textarea[name=reason]")
    page.keyboard.type("better by far")
    page.keyboard.press("Tab")
    with page.expect_navigation():
        page.keyboard.press("Enter")
    assert page.url.endswith("/models/churn/versions/4")
    page.close()
    assert open_page.registry.get("churn/4").stage == "staging"


@pytest.mark.parametrize("path", ["/", "/models/churn", "/models/churn/versions/1", "/approvals"])
def test_pages_say_the_same_without_scripts(open_page: Served, browser: Any, path: str) -> None:
    texts = []
    for scripts in (True, False):
        context = browser.new_context(java_script_enabled=scripts)
        page = context.new_page()
        page.goto(f"{open_page.url}{path}")
        texts.append(page.locator("main h1").inner_text())
        context.close()
    assert texts[0] == texts[1] != ""
