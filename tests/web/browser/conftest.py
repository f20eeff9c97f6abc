"""One browser and one filled service for all tests with a browser: Chromium by Playwright.

Where ``REQUIRE_BROWSER`` is set, as `.ci/run` does where it can install Chromium, a missing browser
fails the tests; elsewhere they are skipped by name.
"""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, sync_playwright

from tests.databases import Databases
from tests.web.browser.filling import fill, tokens
from tests.web.browser.sites import Site, opened

REQUIRED = "REQUIRE_BROWSER"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Let one worker run all tests with a browser, which share the browser and the service."""
    here = Path(__file__).parent
    for item in items:
        if here in item.path.parents:
            item.add_marker(pytest.mark.xdist_group("browser"))


@pytest.fixture(scope="package")
def chromium() -> str:
    """The path of a Chromium of the system."""
    found = shutil.which("chromium") or shutil.which("chromium-browser")
    if found is None and REQUIRED in os.environ:
        pytest.fail(f"Chromium is not installed, and {REQUIRED} is set")
    if found is None:
        pytest.skip("Debian's package chromium is not installed")
    return found


@pytest.fixture(scope="package")
def browser(chromium: str) -> Iterator[Browser]:
    """A running Chromium."""
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(
            executable_path=chromium, args=["--no-sandbox", "--disable-dev-shm-usage"]
        )
        yield started
        started.close()


@pytest.fixture(scope="package")
def site(
    databases: Databases, tmp_path_factory: pytest.TempPathFactory, browser: Browser
) -> Iterator[Site]:
    """A service over a filled registry, for tests that only read."""
    folder = tmp_path_factory.mktemp("site")
    with opened(databases, folder, browser) as site:
        fill(site.registry, folder / "artifacts")
        site.secrets = tokens(site.registry)
        yield site


@pytest.fixture(scope="package")
def fresh_site(
    databases: Databases, tmp_path_factory: pytest.TempPathFactory, browser: Browser
) -> Iterator[Site]:
    """A service over a registry with nothing in it but the people."""
    with opened(databases, tmp_path_factory.mktemp("fresh"), browser) as site:
        site.secrets = tokens(site.registry)
        yield site
