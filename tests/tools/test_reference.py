"""The pages of ``docs/reference`` are what the code is; ``UPDATE_DOCS=1`` writes them."""

import pytest

from tests.documents import assert_current
from tools.reference import FOLDER, PAGES


@pytest.mark.parametrize("name", PAGES)
def test_the_reference_is_that_of_the_code(name: str) -> None:
    assert_current(f"{FOLDER}/{name}", PAGES[name]())
