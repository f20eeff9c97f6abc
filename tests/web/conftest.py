"""The fixtures of a real server, for tests of its pages, and browsers of its people."""

from collections.abc import Callable, Iterator
from uuid import uuid4

import pytest

from pedigree.access.records import Role
from tests.server.conftest import Served, admin, name, served, settings, version
from tests.web.browsing import Browser

__all__ = ["admin", "name", "served", "settings", "version"]

Visitor = Callable[..., Browser]


@pytest.fixture
def visitor(served: Served) -> Iterator[Visitor]:
    """Browsers of people with these roles."""
    made: list[Browser] = []

    def sign_in(*roles: Role, name: str | None = None) -> Browser:
        browser = Browser(served.url)
        made.append(browser)
        principal = name or f"{'+'.join(roles)}@{uuid4().hex[:8]}"
        browser.sign_in(served.registry.create_token(principal, roles=roles).secret)
        return browser

    yield sign_in
    for each in made:
        each.__exit__()
