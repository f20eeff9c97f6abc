"""Every page in every state: axe's rules, the order of the keyboard, zoom, and colours of others.

https://github.com/dequelabs/axe-core has the rules; those of WCAG 2.2 AA and axe's best practices
apply. Pages are looked at with everything unfolded, under their own content security policy.
"""

from collections.abc import Iterator, Mapping
from itertools import islice
from typing import Any

import pytest
from axe_playwright_python.base import AXE_SCRIPT
from playwright.sync_api import Page

from tests.web.browser.filling import BEN, KIM
from tests.web.browser.sites import Site
from tests.web.browser.states import CHURN, STATES, State

pytestmark = [pytest.mark.system, pytest.mark.timeout(300)]

TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
# What the size of a target needs, and what a wrong rule of ours would switch off unseen.
NEEDED = frozenset({"target-size", "color-contrast", "landmark-one-main", "heading-order"})
RUN_AXE = """async rules => {
  const found = await axe.run(document, {runOnly: rules, resultTypes: ["violations"]});
  return {
    ran: [...found.violations, ...found.passes, ...found.inapplicable].map(each => each.id),
    wrong: found.violations.flatMap(rule => rule.nodes.map(
      node => `${rule.id} (${rule.impact}) at ${node.target}`)),
  };
}"""
SHIFTS = """
window.shifts = [];
new PerformanceObserver(list => {
  for (const each of list.getEntries()) window.shifts.push([each.value, each.sources.map(
    from => `${(from.node?.outerHTML ?? from.node?.textContent ?? "?").slice(0, 120)} from ${
      JSON.stringify(from.previousRect)} to ${JSON.stringify(from.currentRect)}`)]);
}).observe({type: "layout-shift", buffered: true});
"""
DRAWN = """() => Promise.all([document.fonts.ready, new Promise(
  done => requestAnimationFrame(() => requestAnimationFrame(done)))]).then(() => true)"""
WIDTH = "() => document.documentElement.scrollWidth"
# Links, fields, buttons and what scrolls, in the order of the document, as far as they are shown.
FOCUSABLE = """() => {
  const found = [...document.querySelectorAll(
    "a[href], button, input, select, textarea, summary, [tabindex]")];
  window.reached = found.filter(each => each.tabIndex >= 0 && !each.disabled &&
    each.type !== "hidden" && each.checkVisibility({contentVisibilityAuto: true}));
  return window.reached.length;
}"""
FOCUSED = """() => {
  const here = document.activeElement, style = getComputedStyle(here);
  const box = here.getBoundingClientRect();
  const hit = document.elementFromPoint(
    (Math.max(box.left, 0) + Math.min(box.right, innerWidth)) / 2,
    (Math.max(box.top, 0) + Math.min(box.bottom, innerHeight)) / 2);
  return {
    place: window.reached.indexOf(here),
    name: here.outerHTML.slice(0, 120),
    is_date: here.type === "date",
    seen: style.outlineStyle !== "none" && parseFloat(style.outlineWidth) >= 2,
    covered: !hit || !(here.contains(hit) || hit.contains(here)),
  };
}"""
# Shapes whose colour has to stand out from the page where the reader chooses the colours.
LOST = """() => {
  const canvas = document.createElement("canvas").getContext("2d", {willReadFrequently: true});
  const light = colour => {
    canvas.fillStyle = colour; canvas.fillRect(0, 0, 1, 1);
    const [r, g, b] = [...canvas.getImageData(0, 0, 1, 1).data].map(
      each => (each /= 255) <= 0.04045 ? each / 12.92 : ((each + 0.055) / 1.055) ** 2.4);
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const against = (a, b) => {
    const [x, y] = [light(a), light(b)].sort((p, q) => q - p);
    return (x + 0.05) / (y + 0.05);
  };
  const page = getComputedStyle(document.documentElement).backgroundColor;
  const lost = [];
  for (const each of document.querySelectorAll(
      ".c-dot, .g-dot, .s-dot, .bar, .node, .edge, .c-line, .s-line, .bars rect")) {
    const style = getComputedStyle(each);
    const shown = [style.fill, style.stroke].filter(colour => colour !== "none");
    if (!shown.some(colour => against(colour, page) >= 3)) lost.push(each.outerHTML.slice(0, 90));
  }
  for (const each of document.querySelectorAll("[aria-current], .tag, .note, .btn, .count")) {
    if (!each.checkVisibility() || each.closest("ol, .facetbox:not([open])")) continue;
    const style = getComputedStyle(each);
    const lined = [style.outlineStyle, style.borderTopStyle, style.textDecorationLine];
    if (lined.every(line => line === "none")) lost.push(each.outerHTML.slice(0, 90));
  }
  for (const each of document.querySelectorAll(".stage"))
    if (getComputedStyle(each, "::before").forcedColorAdjust !== "none") lost.push(each.outerHTML);
  return lost;
}"""


@pytest.fixture
def sites(site: Site, fresh_site: Site) -> Mapping[bool, Site]:
    """The service with nothing registered, and the other one."""
    return {True: fresh_site, False: site}


def windows(
    sites: Mapping[bool, Site], states: tuple[State, ...], script: str, **options: Any
) -> Iterator[tuple[State, Page]]:
    """Open states, each in a window of its person; a script runs in each page before its own."""
    contexts: dict[tuple[bool, str | None], Page] = {}
    options |= {"reduced_motion": "reduce"}  # a colour on its way is neither the old nor the new
    try:
        for state in states:
            key = state.is_fresh, state.person
            if key not in contexts:
                context = sites[state.is_fresh].context(state.person, **options)
                context.add_init_script(script)
                contexts[key] = context.new_page()
            page = contexts[key]
            state.open(page, sites[state.is_fresh])
            yield state, page
    finally:
        for page in contexts.values():
            page.context.close()


@pytest.mark.parametrize("kind", STATES)
@pytest.mark.parametrize("width", [1440, 390])
def test_no_page_breaks_a_rule_or_scrolls_sideways(
    sites: Mapping[bool, Site], kind: str, width: int
) -> None:
    wrong = []
    size = {"width": width, "height": 900}
    for state, page in windows(sites, STATES[kind], AXE_SCRIPT, viewport=size):
        found = page.evaluate(RUN_AXE, TAGS)
        assert set(found["ran"]) >= NEEDED
        page.emulate_media(color_scheme="dark")  # which changes colours and nothing else
        dark = page.evaluate(RUN_AXE, ["color-contrast"])
        page.emulate_media(color_scheme="light")
        wrong += [f"{state.name}: {each}" for each in found["wrong"]]
        wrong += [f"{state.name}, dark: {each}" for each in dark["wrong"]]
        if (wide := page.evaluate(WIDTH)) > width:
            wrong.append(f"{state.name}: {wide} px wide")
    assert not wrong, "\n".join(wrong)


ALL = tuple(state for states in STATES.values() for state in states)


def test_nothing_scrolls_sideways_at_320_pixels_or_400_percent(sites: Mapping[bool, Site]) -> None:
    # A window of 1280 by 1024 pixels at 400 % has 320 by 256 pixels of CSS, each four times as
    # large.
    size = {"width": 320, "height": 256}
    wide = [
        (state.name, found)
        for state, page in windows(sites, ALL, "", viewport=size, device_scale_factor=4)
        if (found := page.evaluate(WIDTH)) > 320
    ]
    assert wide == []


@pytest.mark.parametrize("width", [1440, 390])
def test_pages_load_without_a_move_and_nothing_that_their_policy_refuses(
    sites: Mapping[bool, Site], width: int
) -> None:
    wrong: list[str] = []
    size = {"width": width, "height": 900}
    for is_fresh in (False, True):
        with sites[is_fresh].visited(KIM, viewport=size) as page:
            page.add_init_script(SHIFTS)
            # What happens meanwhile is shown by a bar, which is no part of loading.
            page.route("**/live?*", lambda route: route.abort())
            watch(page, sites[is_fresh].url, wrong)
            for state in (*STATES["full"], *STATES["empty"]):
                if state.is_fresh == is_fresh:
                    page.goto(state.path)
                    page.evaluate(DRAWN)
                    shifts = page.evaluate("() => window.shifts")
                    wrong += [f"{state.name} moved by {shifts}"] if shifts else []
    assert not wrong, "\n".join(wrong)


def watch(page: Page, url: str, wrong: list[str]) -> None:
    """Note what the content security policy refuses, requests elsewhere, and dialogs."""

    def note(is_wrong: bool, what: str) -> None:
        if is_wrong:
            wrong.append(what)

    page.on("console", lambda said: note("Policy" in said.text, said.text))
    page.on("request", lambda sent: note(not sent.url.startswith(url), sent.url))
    page.on("dialog", lambda dialog: note(True, f"a dialog: {dialog.message}"))


TABBED = (
    *("/", CHURN, f"{CHURN}/versions/2", f"{CHURN}/versions/2/promote", "/approvals/2"),
    *("/impact?asset=features", "/compare?v=customer_churn/1&v=customer_churn/3", "/drift"),
)


def tabbed(page: Page) -> Iterator[Mapping[str, Any]]:
    """Press Tab again and again, and yield where one is; a field for a date has several stops."""
    place = None
    while True:
        page.keyboard.press("Tab")
        found = page.evaluate(FOCUSED)
        if found["place"] != place or not found["is_date"]:
            yield found
        place = found["place"]


@pytest.mark.parametrize("width", [1440, 390])
@pytest.mark.parametrize("path", TABBED)
def test_the_keyboard_reaches_everything_in_its_order_and_shows_where_it_is(
    site: Site, path: str, width: int
) -> None:
    with site.visited(BEN, viewport={"width": width, "height": 900}) as page:
        page.goto(path)
        reachable = page.evaluate(FOCUSABLE)
        assert reachable > 8
        steps = list(islice(tabbed(page), reachable))
    assert [each["place"] for each in steps] == list(range(reachable)), steps
    assert [each["name"] for each in steps if not each["seen"]] == []
    assert [each["name"] for each in steps if each["covered"]] == []


def test_nothing_moves_for_people_who_want_less_motion(site: Site) -> None:
    durations = (
        "() => [...document.querySelectorAll('*')].map(each => [each.tagName,"
        " getComputedStyle(each).transitionDuration, getComputedStyle(each).animationName])"
        ".filter(each => each[1] !== '0s' || each[2] !== 'none')"
    )
    with site.visited(BEN, reduced_motion="reduce") as page:
        for path in TABBED:
            page.goto(path)
            assert page.evaluate(durations) == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_nothing_is_lost_where_the_reader_chooses_the_colours(site: Site, scheme: str) -> None:
    with site.visited(BEN, forced_colors="active", color_scheme=scheme) as page:
        for path in TABBED:
            page.goto(path)
            assert page.evaluate(LOST) == [], path
