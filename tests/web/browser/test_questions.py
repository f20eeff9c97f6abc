"""Each question that people have, and in how many clicks from the front page it is answered.

A click is a link, a button, a tick or what unfolds; typing is none. The table is that of the
design: who asks, what, and at most how many clicks.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

import pytest
from playwright.sync_api import Locator, Page, expect

from pedigree.registry import Registry
from tests.factories import free_policy, register
from tests.web.browser.filling import ANN, BEN, EVE, KIM, RAY, acting, asking_policy
from tests.web.browser.sites import Site

pytestmark = [pytest.mark.system, pytest.mark.timeout(120)]


@dataclass(frozen=True)
class Click:
    """Something to click: its role and its accessible name, in a row or in the bar.

    The name of some links goes on, such as by how many requests wait.
    """

    role: str
    name: str
    within: str | None = None
    begins: bool = False

    def on(self, page: Page) -> Locator:
        """Where it is on a page."""
        place: Page | Locator = page
        if self.within is not None:
            place = page.get_by_role("row").filter(has_text=self.within)
            if self.within == "Main":
                place = page.get_by_role("navigation", name="Main")
        name = re.compile(f"^{re.escape(self.name)}") if self.begins else self.name
        return place.get_by_role(self.role, name=name, exact=True).first  # type: ignore[arg-type]


@dataclass(frozen=True)
class Typing:
    """What is typed into a field, by its label; Enter sends it if that is asked for."""

    label: str
    text: str
    sends: bool = False


@dataclass(frozen=True)
class Question:
    """A question of the table.

    Attributes:
        person: Who asks.
        asks: What.
        most: In how many clicks it is answered at most.
        steps: The clicks, and what is typed.
        reads: What must then be readable.
    """

    person: str
    asks: str
    most: int
    steps: tuple[Click | Typing, ...]
    reads: tuple[str, ...]


def link(name: str, within: str | None = None) -> Click:
    return Click("link", name, within)


def part(name: str) -> Click:
    return Click("link", name, "Main", begins=True)


QUESTIONS: tuple[Question, ...] = (
    Question(
        RAY,
        "which model is there for X; what is in production, since when, how good; who owns it",
        0,
        (Typing("Search models and versions", "customers leave"),),
        (
            *("customer_churn", "Which customers leave within a month"),
            *("v1", "for ", "0.8200", "auc", "ann and 1", "growth"),
        ),
    ),
    Question(
        RAY,
        "how have the metrics moved over versions; what does each stage ask",
        1,
        (link("customer_churn"),),
        ("Metrics over versions", "What each stage asks for", "1 approval; one version at a time"),
    ),
    Question(
        RAY,
        "how do I load exactly this one; its columns; the data it was trained on",
        2,
        (link("v3", "customer_churn"),),
        ("registry.load('customer_churn/3')", "income", "features", "3 partitions"),
    ),
    Question(
        RAY,
        "why is it not promoted",
        2,
        (link("v2 waits", "customer_churn"), link("customer_churn v2")),
        ("asks for production: 0 of 1 approval given", "two points better in spring"),
    ),
    Question(BEN, "what waits for me: the number", 0, (), ("1 request waits for you",)),
    Question(
        BEN,
        "what waits for me: the list",
        1,
        (part("Approvals"),),
        ("customer_churn v2 → production", "ann, ", "waits for 1 approval"),
    ),
    Question(
        BEN,
        "what changes against production, does it break callers, what runs again, who asked and"
        " why, who decided, may I",
        1,
        (link("v2 waits", "customer_churn"),),
        (
            *("same interface", "better in 1 of 2 metrics", "churn_scores", "ann asked"),
            *("two points better in spring", "0 of 1 given", "Comment, kept with your decision"),
        ),
    ),
    Question(
        EVE,
        "who held what on a day, moved by whom, why",
        1,
        (link("customer_churn"), Typing("Who held what on a day (UTC)", "{today}", sends=True)),
        ("in UTC", "callers wait for it", "the first one that is any good"),
    ),
    Question(
        EVE,
        "which decisions, on which bytes",
        1,
        (link("v1", "customer_churn"),),
        ("was approved for production", "slices are fine", "Digest"),
    ),
    Question(
        EVE,
        "the data down to its sources with datasheets; a page to print",
        2,
        (link("v1", "customer_churn"), link("Evidence")),
        ("Why customers were collected: to know who leaves", "old_customers", "What is missing"),
    ),
    Question(
        EVE,
        "is the log unaltered: verify",
        2,
        (part("Audit"), link("Verify the log")),
        ("Nothing was altered, as far as it was checked",),
    ),
    Question(EVE, "checkpoints of the log", 1, (part("Audit"),), ("Sealed", "Anchored")),
    Question(
        EVE,
        "the proof of one event",
        2,
        (link("v1", "customer_churn"), link("All events, with their proofs")),
        ("version.approved", "The number leads to its proof"),
    ),
    Question(EVE, "overrides", 1, (link("overrides"),), ("Overrides",)),
    Question(
        EVE,
        "who may do what",
        2,
        (part("Admin"), link("Groups and roles")),
        ("contributor", "read, register, describe, request, judge"),
    ),
    Question(
        KIM,
        "what changed in the last 24 hours",
        1,
        (link("what changed in the last 24 hours"),),
        ("Activity", "Last 24 hours", "demand v14"),
    ),
    Question(
        KIM, "what is stale", 1, (link("1 is stale in production"),), ("fraud", "stale, seen")
    ),
    Question(KIM, "what has drifted", 1, (link("1 has drifted"),), ("fraud", "drifted, seen")),
    Question(
        KIM,
        "what is in quarantine",
        1,
        (link("1 has a version in quarantine"),),
        ("fraud", "v2 in quarantine"),
    ),
    Question(
        KIM,
        "which versions, stages and outputs depend on this partition",
        1,
        (part("Impact"), Typing("Asset", "features"), Typing("Partition", "2026-02", sends=True)),
        ("customer_churn/1", "production", "@baseline", "churn_scores"),
    ),
    Question(
        KIM,
        "what did this version write",
        1,
        (link("v1", "customer_churn"),),
        ("churn_scores was written with it",),
    ),
    Question(KIM, "are webhooks arriving", 1, (link("whether webhooks arrive"),), ("Webhooks",)),
)

SCRIPTS = [pytest.param(True, id="scripts"), pytest.param(False, id="no scripts")]


def follow(page: Page, steps: tuple[Click | Typing, ...], **words: str) -> int:
    """Do the steps, and return how many clicks they were."""
    for step in steps:
        if isinstance(step, Typing):
            field = page.get_by_label(step.label, exact=True)
            field.fill(step.text.format(**words))
            if step.sends:
                with page.expect_navigation():
                    field.press("Enter")
        else:
            step.on(page).click()
    return sum(isinstance(step, Click) for step in steps)


@pytest.mark.parametrize("scripts", SCRIPTS)
@pytest.mark.parametrize("question", QUESTIONS, ids=lambda each: each.asks)
def test_a_question_is_answered_in_its_clicks(
    site: Site, question: Question, scripts: bool
) -> None:
    with site.visited(question.person, java_script_enabled=scripts) as page:
        page.goto("/")
        clicks = follow(page, question.steps, today=site.today())
        for text in question.reads:
            shown = page.locator("body").get_by_text(text).filter(visible=True).first
            expect(shown).to_be_visible()
    assert clicks <= question.most


@pytest.mark.parametrize("scripts", SCRIPTS)
def test_two_to_five_versions_are_compared_in_three_clicks_and_the_ticks(
    site: Site, scripts: bool
) -> None:
    with site.visited(RAY, java_script_enabled=scripts) as page:
        page.goto("/")
        link("customer_churn").on(page).click()
        for number in (1, 2, 3):
            page.get_by_label(f"Compare version {number}").check()
        page.get_by_role("button", name="Compare the chosen ones").click()
        expect(page.get_by_text("callers must change")).to_be_visible()
        expect(page.get_by_text("input 'income' (double) is new and required")).to_be_visible()


Prepare = Callable[[Registry, Path, str], None]


def asked(registry: Registry, folder: Path, name: str) -> None:
    """A version that asks for production."""
    ann, ben = acting(registry, ANN), acting(registry, BEN)
    ann.create_model(name)
    ann.set_policy(name, asking_policy())
    ben.promote(register(ann, folder, "first", name), "staging", reason="to be tried")
    ann.request_stage(f"{name}/1", "production", reason="it was tried")


def replaced(registry: Registry, folder: Path, name: str) -> None:
    """A version in production that had another one before."""
    ann, ben = acting(registry, ANN), acting(registry, BEN)
    ann.create_model(name)
    ann.set_policy(name, free_policy())
    for content in ("first", "second"):
        ben.promote(register(ann, folder, content, name), "production", reason=content)


WHY = Typing("Reason, for the audit log", "because of the figures")
COMMENT = Typing("Comment, kept with your decision", "The slices are fine")
ACTIONS: tuple[tuple[str, Prepare, tuple[Click | Typing, ...], str], ...] = (
    (
        "approve",
        asked,
        (link("v1 waits", "{name}"), COMMENT, Click("button", "Approve")),
        "approved",
    ),
    ("reject", asked, (link("v1 waits", "{name}"), COMMENT, Click("button", "Reject")), "rejected"),
    (
        "roll back",
        replaced,
        (link("v2", "{name}"), link("Roll back…"), WHY, Click("button", "Roll back")),
        "Version 1 is in production",
    ),
    (
        "quarantine",
        replaced,
        (link("v2", "{name}"), link("Quarantine…"), WHY, Click("button", "Quarantine")),
        "and in quarantine",
    ),
)


@pytest.mark.parametrize("scripts", SCRIPTS)
@pytest.mark.parametrize(("what", "prepare", "steps", "says"), ACTIONS, ids=lambda each: each)
def test_an_action_takes_three_clicks(
    site: Site,
    tmp_path: Path,
    what: str,
    prepare: Prepare,
    steps: tuple[Click | Typing, ...],
    says: str,
    scripts: bool,
) -> None:
    name = f"{what.replace(' ', '_')}_{uuid4().hex[:6]}"
    prepare(site.registry, tmp_path, name)
    own = tuple(
        Click(step.role, step.name, name) if isinstance(step, Click) and step.within else step
        for step in steps
    )
    with site.visited(BEN, java_script_enabled=scripts) as page:
        page.goto("/")
        assert follow(page, own) <= 3
        expect(page.get_by_text(says).first).to_be_visible()
