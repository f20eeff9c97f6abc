"""The states in which each page is looked at: full, empty, refused, and with its forms open."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from playwright.sync_api import Page

from tests.web.browser.filling import ANN, BEN, EVE, KIM, RAY
from tests.web.browser.sites import Site

CHURN = "/models/customer_churn"


@dataclass(frozen=True)
class State:
    """A page in one state.

    Attributes:
        person: Who opens it; None without a sign-in.
        path: Its path.
        status: What the service answers.
        is_fresh: Whether nothing is registered.
        then: What is done before it is looked at; its answer is the one that counts.
    """

    person: str | None
    path: str
    status: int = 200
    is_fresh: bool = False
    then: Callable[[Page, Site], None] | None = None

    @property
    def name(self) -> str:
        """What a failure says."""
        return f"{self.path} ({'nothing registered, ' if self.is_fresh else ''}{self.person})"

    def open(self, page: Page, site: Site) -> None:
        """Open it, with all that can be unfolded."""
        answer = page.goto(self.path)
        assert answer is not None
        status = answer.status
        if self.then is not None:
            with page.expect_response(lambda each: each.request.method == "POST") as sent:
                self.then(page, site)
            page.wait_for_load_state()
            status = sent.value.status
        assert status == self.status, (self.name, status)
        page.evaluate("document.querySelectorAll('details').forEach(each => { each.open = true })")


def send_blanks(page: Page, _site: Site) -> None:
    """Send a form with a reason of blanks."""
    page.get_by_label("Reason, for the audit log").fill("   ")
    page.locator("form.decide button").first.click()


def send_after_a_move(page: Page, site: Site) -> None:
    """Send a form of a state that has moved since it was opened."""
    site.registry.set_alias("demand", "moved", 1)
    site.registry.set_alias("demand", "moved", 2)
    page.get_by_label("Reason, for the audit log").fill("it was there when I looked")
    page.locator("form.decide button").first.click()


def send_a_forged_form(page: Page, _site: Site) -> None:
    """Send a form whose token is another one."""
    page.locator("main input[type=hidden]").first.evaluate("each => { each.value = 'forged' }")
    page.get_by_label("Reason, for the audit log").fill("forged")
    page.locator("form.decide button").first.click()


FULL: tuple[State, ...] = (
    State(KIM, "/"),
    State(KIM, "/?q=metrics.auc+%3E+0.8"),
    State(RAY, "/?attention=stale"),
    State(BEN, CHURN),
    State(KIM, "/models/fraud"),
    State(BEN, "/models/demand"),
    State(BEN, f"{CHURN}/policy"),
    State(BEN, f"{CHURN}/versions/1"),
    State(BEN, f"{CHURN}/versions/2"),
    State(ANN, f"{CHURN}/versions/3"),
    State(KIM, "/models/fraud/versions/2"),
    State(EVE, f"{CHURN}/versions/1/history"),
    State(RAY, f"{CHURN}/versions/2/checks/latency"),
    State(RAY, f"{CHURN}/versions/2/files"),
    State(EVE, f"{CHURN}/versions/1/evidence"),
    State(BEN, "/compare?v=customer_churn/1&v=customer_churn/2&v=customer_churn/3"),
    State(BEN, f"{CHURN}/data"),
    State(BEN, f"{CHURN}/activity"),
    State(EVE, "/activity?last=24h"),
    State(BEN, "/approvals"),
    *(State(ANN, f"/approvals?show={which}") for which in ("asked", "decided", "overrides")),
    State(BEN, "/approvals/2"),
    State(ANN, "/approvals/2"),
    State(BEN, "/impact?asset=features"),
    State(BEN, "/impact?asset=payments&partition=2026-03"),
    State(BEN, "/drift"),
    State(BEN, "/drift?version=fraud/2"),
    State(EVE, "/audit"),
    State(EVE, "/audit?event=5"),
    State(EVE, "/audit/verify"),
    *(
        State(KIM, f"/admin{part}")
        for part in (
            *("", "/tokens", "/sessions", "/people", "/grants", "/groups", "/quarantines"),
            *("/policies", "/retention", "/retention?plan=now", "/webhooks"),
        )
    ),
)
"""What a team sees."""

FORMS: tuple[State, ...] = (
    *(
        State(BEN, f"{CHURN}/versions/2/{action}")
        for action in ("promote", "request", "withdraw", "quarantine", "alias", "recheck")
    ),
    State(ANN, f"{CHURN}/versions/2/describe"),
    State(KIM, f"{CHURN}/versions/2/hold"),
    State(KIM, f"{CHURN}/versions/2/override"),
    State(BEN, "/models/fraud/versions/2/release"),
    State(BEN, "/models/fraud/rollback"),
    State(BEN, f"{CHURN}/alias"),
    State(ANN, f"{CHURN}/describe"),
)
"""The forms of actions."""

EMPTY: tuple[State, ...] = (
    *(
        State(KIM, path, is_fresh=True)
        for path in (
            *("/", "/compare", "/approvals", "/impact", "/impact?asset=none", "/drift", "/audit"),
            *("/activity", "/approvals?show=decided", "/audit/verify", "/admin"),
            *("/admin/webhooks", "/admin/quarantines", "/admin/grants"),
        )
    ),
    State(KIM, "/models/credit_limit"),
    State(KIM, "/?q=nothing-like-it"),
)
"""Where nothing is."""

ERRORS: tuple[State, ...] = (
    State(None, "/sign-in"),
    State(KIM, "/?q=metrics.auc+%3E", 422),
    State(KIM, "/?after=zzz", 422),
    State(RAY, "/?q=%FF", 400),
    State(RAY, "/models/customer_churm", 404),
    State(RAY, "/nothing/here", 404),
    State(RAY, f"{CHURN}/versions/99", 404),
    State(RAY, f"{CHURN}/versions/2/promote", 403),
    State(RAY, "/admin", 403),
    State(BEN, f"{CHURN}/versions/2/quarantine", 422, then=send_blanks),
    State(BEN, "/models/demand/versions/11/promote", 409, then=send_after_a_move),
    State(BEN, "/models/demand/versions/10/promote", 403, then=send_a_forged_form),
)
"""What is refused, at once or after a form was sent."""

STATES: Mapping[str, tuple[State, ...]] = {
    "full": FULL,
    "forms": FORMS,
    "empty": EMPTY,
    "errors": ERRORS,
}
