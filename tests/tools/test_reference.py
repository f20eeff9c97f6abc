"""The pages of ``docs/reference`` are what the code is; ``UPDATE_DOCS=1`` writes them."""

import pytest

from tests.documents import ROOT, assert_current
from tools.reference import FOLDER

NAMES = sorted(page.name for page in (ROOT / FOLDER).glob("*.md"))


@pytest.mark.parametrize("name", NAMES)
def test_the_reference_is_that_of_the_code(name: str) -> None:
    from tools.reference.pages import PAGES

    assert set(NAMES) == set(PAGES)
    assert_current(f"{FOLDER}/{name}", PAGES[name]())
