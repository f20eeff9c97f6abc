"""A running service, and windows of a browser in which its people are signed in."""

from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, BrowserContext, Page

from pedigree.registry import Registry
from pedigree.settings import Settings
from tests.databases import Databases
from tests.server.conftest import serving


@dataclass
class Site:
    """A running service, the tokens of its people, and what a browser keeps for each of them.

    Attributes:
        url: The address of the service.
        registry: The registry behind it.
        secrets: The tokens of people, by their names.
    """

    url: str
    registry: Registry
    browser: Browser
    secrets: Mapping[str, str] = field(default_factory=dict)
    _kept: dict[str, Any] = field(default_factory=dict)

    def today(self) -> str:
        """The day on which the registry was filled, in UTC."""
        return f"{self.registry.model('customer_churn').created_at:%Y-%m-%d}"

    @contextmanager
    def visited(self, person: str | None = None, **options: Any) -> Iterator[Page]:
        """Open a window in which somebody is signed in, and close it at the end."""
        context = self.context(person, **options)
        try:
            yield context.new_page()
        finally:
            context.close()

    def context(self, person: str | None = None, **options: Any) -> BrowserContext:
        """Return a profile of the browser in which somebody is signed in."""
        if person is not None:
            options["storage_state"] = self._signed_in(person)
        known = {"viewport": {"width": 1440, "height": 900}, "base_url": self.url, **options}
        made = self.browser.new_context(**known)
        made.set_default_timeout(10_000)
        return made

    def _signed_in(self, person: str) -> Any:
        if person not in self._kept:
            context = self.context()
            page = context.new_page()
            sign_in(page, self.secrets[person])
            self._kept[person] = context.storage_state()
            context.close()
        return self._kept[person]


def sign_in(page: Page, secret: str) -> None:
    """Sign in by a token, on the page of sign-in."""
    page.goto("/sign-in")
    page.get_by_label("Token").fill(secret)
    with page.expect_navigation():
        page.get_by_role("button", name="Sign in").click()


@contextmanager
def opened(databases: Databases, folder: Path, browser: Browser, **settings: Any) -> Iterator[Site]:
    """Serve a fresh registry."""
    with ExitStack() as stack:
        make = stack.enter_context(databases.lend())
        known = Settings(home=folder / "home", database_url=make(), actor="tester", **settings)
        served = stack.enter_context(serving(known))
        yield Site(served.url, served.registry, browser)
