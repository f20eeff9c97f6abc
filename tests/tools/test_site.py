"""The documentation builds in strict mode, which a broken link or anchor ends."""

import re
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
CONFIGURATION = "zensical.toml"


def build(folder: Path) -> subprocess.CompletedProcess[str]:
    program = Path(sys.executable).with_name("zensical")
    return subprocess.run(
        [program, "build", "--strict"], cwd=folder, capture_output=True, text=True, check=False
    )


@pytest.fixture
def project(tmp_path: Path) -> Path:
    shutil.copy(ROOT / CONFIGURATION, tmp_path)
    shutil.copytree(ROOT / "docs", tmp_path / "docs")
    return tmp_path


def pages(entries: list[object]) -> Iterator[str]:
    for entry in entries:
        match entry:
            case str():
                yield entry
            case dict():
                for value in entry.values():
                    yield from pages(value if isinstance(value, list) else [value])


def test_it_builds_and_its_pages_name_no_script_or_image_of_another_host(
    project: Path,
) -> None:
    done = build(project)
    assert done.returncode == 0, done.stdout + done.stderr
    built = list((project / "site").rglob("*.html"))
    assert len(built) > 30
    for page in built:
        loaded = re.findall(
            r"<(?:script|img|iframe)[^>]* src=\"(https?:[^\"]*)\""
            r"|<link[^>]*rel=\"?(?:stylesheet|preconnect|preload)[^>]*href=\"?(https?:[^\" >]*)",
            page.read_text(encoding="utf-8"),
        )
        assert loaded == [], page


def test_broken_links_and_anchors_end_the_build(project: Path) -> None:
    links = ["[x](nowhere.md)", "[x](events.md#nowhere)", "[x](#nowhere)"]
    with (project / "docs" / "ci.md").open("a", encoding="utf-8") as page:
        page.write("\n\n".join(["", *links]))
    done = build(project)
    assert done.returncode == 1
    shown = re.sub(r"\x1b\[[0-9;]*m", "", done.stdout + done.stderr)
    assert shown.count("page does not exist") >= 1
    assert f"{len(links)} issues found" in shown


def test_the_navigation_has_every_page_once() -> None:
    listed = list(pages(tomllib.loads((ROOT / CONFIGURATION).read_text())["project"]["nav"]))
    docs = ROOT / "docs"
    assert sorted(listed) == sorted(
        page.relative_to(docs).as_posix() for page in docs.rglob("*.md")
    )


def test_the_pages_that_the_code_and_the_changelog_name_exist() -> None:
    texts = [ROOT / "CHANGELOG.md", ROOT / "CONTRIBUTING.md", *(ROOT / "pedigree").rglob("*.py")]
    named = {
        (text.relative_to(ROOT).as_posix(), page)
        for text in texts
        for page in re.findall(r"\bdocs/[\w/-]+\.md", text.read_text(encoding="utf-8"))
    }
    assert len(named) > 10
    assert {each for each in named if not (ROOT / each[1]).is_file()} == set()
