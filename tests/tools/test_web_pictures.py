"""The pictures of the web page: the documents show what the tool takes, and they are small."""

import re
from pathlib import Path

import pytest

from tools.web_pictures.__main__ import FOLDER, PICTURES
from tools.web_pictures.camera import SCHEMES

ROOT = Path(__file__).parents[2]
TAKEN = sorted(each.file(scheme) for each in PICTURES for scheme in SCHEMES)
MOST_BYTES = 60_000
MOST_BYTES_IN_ALL = 600_000


def test_the_folder_has_exactly_the_pictures_that_are_taken() -> None:
    assert sorted(each.name for each in FOLDER.iterdir()) == TAKEN


@pytest.mark.parametrize("name", TAKEN)
def test_a_picture_is_a_small_webp_file(name: str) -> None:
    content = (FOLDER / name).read_bytes()
    assert (content[:4], content[8:12]) == (b"RIFF", b"WEBP")
    assert len(content) <= MOST_BYTES


def test_all_pictures_together_are_small() -> None:
    assert sum(each.stat().st_size for each in FOLDER.iterdir()) <= MOST_BYTES_IN_ALL


def test_the_page_about_the_web_page_shows_each_picture_in_its_scheme() -> None:
    text = (ROOT / "docs" / "web.md").read_text("utf-8")
    shown = re.findall(r"!\[[^\]]+\]\(images/web/([^)#]+)#only-(light|dark)\)", text)
    assert sorted(name for name, _ in shown) == TAKEN
    assert all(name.endswith(f"-{scheme}.webp") for name, scheme in shown)


def test_the_readme_shows_two_pages_in_both_schemes() -> None:
    text = (ROOT / "README.md").read_text("utf-8")
    assert len(set(re.findall(r"docs/images/web/(\w+)-desk-light\.webp", text))) == 2
    assert len(set(re.findall(r"docs/images/web/(\w+)-desk-dark\.webp", text))) == 2
