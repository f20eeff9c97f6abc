"""Open pages in a browser: one stream for all tabs, none for hidden ones, and what they say."""

from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

import pytest
from axe_playwright_python.base import AXE_SCRIPT
from playwright.sync_api import Browser, BrowserContext, Page, Request, expect

from pedigree.access.records import Role
from pedigree.audit.records import Actor
from tests.server.conftest import Served
from tests.web.browser.test_accessibility import RUN_AXE, TAGS
from tests.web.test_approving import asking

pytestmark = pytest.mark.system

# A page says it within a beat of the stream; the machine may be busy.
SOON_MS = 30_000
HIDE = """hidden => {
    Object.defineProperty(document, "hidden", { configurable: true, get: () => hidden });
    document.dispatchEvent(new Event("visibilitychange"));
}"""


class Streams:
    """The streams that a browser opened and has not closed."""

    def __init__(self, context: BrowserContext) -> None:
        self.opened = 0
        self.open: list[Request] = []
        context.on("request", self._begin)
        for end in ("requestfailed", "requestfinished"):
            context.on(end, self._end)

    def _begin(self, request: Request) -> None:
        if urlsplit(request.url).path == "/live":
            self.opened += 1
            self.open.append(request)

    def _end(self, request: Request) -> None:
        if request in self.open:
            self.open.remove(request)

    def await_open(self, page: Page, number: int) -> None:
        """Wait until a number of streams is open."""
        for _ in range(SOON_MS // 50):
            if len(self.open) == number:
                return
            page.wait_for_timeout(50)
        raise AssertionError(f"{len(self.open)} streams are open, not {number}")


@pytest.fixture
def window(browser: Browser, served: Served) -> Iterator[BrowserContext]:
    """A window in which an approver is signed in."""
    operator = served.registry.acting_as(Actor(name="operator", source="test"))
    secret = operator.create_token("ann@example.com", roles=[Role.APPROVER]).secret
    context = browser.new_context(base_url=served.url)
    context.set_default_timeout(SOON_MS)
    page = context.new_page()
    page.goto("/sign-in")
    page.get_by_label("Token").fill(secret)
    with page.expect_navigation():
        page.get_by_role("button", name="Sign in").click()
    page.close()
    yield context
    context.close()


def opened(window: BrowserContext, path: str) -> Page:
    page = window.new_page()
    page.goto(path)
    return page


def says(page: Page, text: str) -> None:
    expect(page.locator("#moved")).to_contain_text(text, timeout=SOON_MS)


def test_two_tabs_share_one_stream_and_hidden_tabs_have_none(
    window: BrowserContext, version: Any, name: str
) -> None:
    version()
    streams = Streams(window)
    first = opened(window, f"/models/{name}")
    streams.await_open(first, 1)
    second = opened(window, f"/models/{name}/versions/1")
    second.wait_for_timeout(500)
    assert (len(streams.open), streams.opened) == (1, 1)
    first.evaluate(HIDE, True)
    second.wait_for_timeout(0)
    streams.await_open(second, 1)
    assert streams.opened == 2
    second.evaluate(HIDE, True)
    streams.await_open(second, 0)
    first.evaluate(HIDE, False)
    streams.await_open(first, 1)


def test_a_move_elsewhere_is_said_in_both_tabs_and_not_on_others(
    window: BrowserContext, served: Served, version: Any, name: str
) -> None:
    version()
    served.registry.create_model(f"{name}-other")
    streams = Streams(window)
    model = opened(window, f"/models/{name}")
    streams.await_open(model, 1)
    one = opened(window, f"/models/{name}/versions/1")
    other = opened(window, f"/models/{name}-other")
    served.registry.set_alias(name, "spring", 1)
    for page in (model, one):
        says(page, "Moved since you opened this page: show")
    expect(other.locator("#moved")).to_be_empty()
    assert "spring" not in model.locator("main").inner_text()
    with model.expect_navigation():
        model.get_by_role("link", name="show", exact=True).click()
    assert "spring" in model.locator("main").inner_text()
    expect(model.locator("#moved")).to_be_empty()


def test_a_tab_that_was_hidden_hears_what_it_missed(
    window: BrowserContext, served: Served, version: Any, name: str
) -> None:
    version()
    streams = Streams(window)
    page = opened(window, f"/models/{name}")
    streams.await_open(page, 1)
    page.evaluate(HIDE, True)
    streams.await_open(page, 0)
    served.registry.set_alias(name, "spring", 1)
    page.evaluate(HIDE, False)
    says(page, "Moved since you opened this page: show")


def test_counts_are_renewed_in_place(
    window: BrowserContext, served: Served, version: Any, name: str
) -> None:
    version()
    served.registry.set_policy(name, asking())
    page = opened(window, "/")
    expect(page.locator("#waiting")).to_be_hidden()
    served.registry.acting_as(Actor(name="asker", source="test")).request_stage(
        f"{name}/1", "production"
    )
    link = page.get_by_role("link", name="Approvals 1 request waits for you")
    expect(link).to_be_visible(timeout=SOON_MS)
    expect(page.locator("#attention")).to_contain_text("asks for a stage", timeout=SOON_MS)
    expect(page.locator("#moved")).to_be_empty()


def test_a_page_says_when_its_session_ends(
    window: BrowserContext, served: Served, name: str
) -> None:
    streams = Streams(window)
    page = opened(window, "/approvals")
    streams.await_open(page, 1)
    served.registry.end_sessions("ann@example.com")
    says(page, "You are no longer signed in: sign in")
    with page.expect_navigation():
        page.get_by_role("link", name="sign in", exact=True).click()
    assert urlsplit(page.url).path == "/sign-in"


@pytest.mark.parametrize("width", [390, 1440])
def test_what_it_says_is_read_by_everybody_and_covers_no_control(
    window: BrowserContext, served: Served, version: Any, name: str, width: int
) -> None:
    version()
    served.registry.set_policy(name, asking())
    served.registry.acting_as(Actor(name="asker", source="test")).request_stage(
        f"{name}/1", "production"
    )
    window.add_init_script(AXE_SCRIPT)
    streams = Streams(window)
    page = window.new_page()
    page.set_viewport_size({"width": width, "height": 800})
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme=scheme)
        page.goto(f"/models/{name}")
        streams.await_open(page, 1)
        served.registry.set_alias(name, f"{scheme}-{width}", 1)
        says(page, "Moved since you opened this page: show")
        assert page.evaluate(RUN_AXE, TAGS)["wrong"] == []
        # The last control can be scrolled above it.
        last = page.locator("main a, main button").last
        last.focus()
        line = page.locator("#moved").bounding_box()
        box = last.bounding_box()
        assert line is not None
        assert box is not None
        assert box["y"] + box["height"] <= line["y"]
