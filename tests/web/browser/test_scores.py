"""A decision on the page reaches the asset graph: a real pipeline writes its scores again."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from demo.churn import ASSET, BETTER, DATA, DECENT, MODEL, OP, SCORES
from demo.session import Session
from pedigree.lifecycle.approval_rules import ApprovalRule
from pedigree.registry import Registry
from pedigree.settings import Settings
from tests.registry_assets.conftest import dagster_url, instance, session, worker_instance
from tests.server.conftest import serving
from tests.web.browser.filling import ANN, BEN, acting, tokens
from tests.web.browser.sites import Site

__all__ = ["dagster_url", "instance", "session", "worker_instance"]

pytestmark = [pytest.mark.system, pytest.mark.timeout(300)]


Aside = Callable[[Callable[[], object]], object]


@pytest.fixture
def aside() -> Iterator[Aside]:
    """Run something in another thread: Dagster has an event loop, and here Playwright has one."""
    with ThreadPoolExecutor(1) as pool:
        yield lambda work: pool.submit(work).result()


def ask_for_approvals(registry: Registry) -> None:
    """Let production of the pipeline's model need an approval."""
    policy = registry.policy(MODEL)
    stages = tuple(
        rule.model_copy(update={"approvals": ApprovalRule(needed=1)})
        if rule.name == "production"
        else rule
        for rule in policy.stages
    )
    registry.set_policy(MODEL, policy.model_copy(update={"stages": stages}))


def scored_with(session: Session) -> str:
    """The version with which the scores were written last."""
    latest = session.latest(SCORES)
    assert latest is not None
    return str(latest.metadata["model"].value)


def test_an_approval_changes_production_and_the_scores_run_again(
    session: Session, database_url: str, home: Path, browser: Browser, aside: Aside
) -> None:
    def train() -> None:
        session.follow()
        session.materialize(*DATA, ASSET, config={OP: DECENT})
        session.promote_due()
        session.follow()
        assert scored_with(session) == f"{MODEL}/1"
        session.materialize(ASSET, config={OP: BETTER})
        # After the training, which sets the policy that the model's definition has.
        ask_for_approvals(session.registry)
        session.promote_due()

    def follow() -> None:
        session.promote_due()
        session.mirror_changes()
        assert SCORES in {run.asset for run in session.follow()}
        assert scored_with(session) == f"{MODEL}/2"

    aside(train)
    acting(session.registry, ANN).request_stage(f"{MODEL}/2", "production", reason="much better")
    settings = Settings(
        home=home, database_url=database_url, store_url=(home / "store").as_uri(), actor="tester"
    )
    with serving(settings) as served:
        site = Site(served.url, served.registry, browser, tokens(served.registry))
        with site.visited(BEN) as page:
            page.goto("/approvals")
            page.get_by_role("link", name=f"{MODEL} v2").click()
            expect(page.get_by_text(f"written again in Dagster: {SCORES}")).to_be_visible()
            page.get_by_label("Comment").fill("better in every slice")
            with page.expect_navigation():
                page.get_by_role("button", name="Approve").click()
            aside(follow)
            page.goto(f"/models/{MODEL}")
            expect(page.get_by_role("heading", name="Version 2 is in production")).to_be_visible()
            page.goto(f"/models/{MODEL}/versions/2")
            expect(page.get_by_text(f"{SCORES} was written with it")).to_be_visible()
