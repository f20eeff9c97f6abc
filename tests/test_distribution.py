"""What pip calls Pedigree: every text says it, and `pedigree status` sees the other project."""

import json
import os
import re
import shutil
import subprocess
import sys
import sysconfig
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.documents import ROOT

SITE = Path(sysconfig.get_path("purelib"))
TEXTS = (
    *("*.md", "*.py", "*.toml", "*.yml", "*.yaml", "*.ipynb", "*.json", "*.ts"),
    *("Makefile", ".ci/*"),
)
# A command that installs something, and what it installs.
INSTALLS = re.compile(
    r"\b(?:pip|pipx|uv|uvx|poetry|conda)\b[^\n`;&|]*?(?<!un)(?:install|add)\b([^\n`;&|]*)"
)
OTHER = re.compile(r"(?<![\w./-])pedigree(?![\w./-])")
EXTRA_OF_OTHER = re.compile(r"(?<![\w.-])pedigree\[[a-z{]")
# Mentions the other project, and installs nothing.
THIS = Path(__file__).relative_to(ROOT)


def wrong(text: str) -> list[str]:
    """What a text recommends that pip would fetch from the other project."""
    commands = (found[0] for found in INSTALLS.finditer(text) if OTHER.search(found[1]))
    return [*commands, *(found[0] for found in EXTRA_OF_OTHER.finditer(text))]


def texts() -> Iterator[tuple[Path, str]]:
    listed = subprocess.run(
        ["git", "ls-files", "--", *TEXTS], cwd=ROOT, capture_output=True, text=True, check=True
    )
    for name in map(Path, listed.stdout.splitlines()):
        if name != THIS and (ROOT / name).is_file():
            yield name, (ROOT / name).read_text(encoding="utf-8")


def test_no_text_recommends_the_other_project() -> None:
    found = {str(name): offers for name, text in texts() if (offers := wrong(text))}
    assert found == {}


@pytest.mark.parametrize(
    "text",
    [
        "pip install pedigree",
        "Run: pip install 'pedigree[server]'.",
        'pip install "pedigree[demo] @ git+https://example.org"',
        "uv pip install --upgrade pedigree",
        "uv add pedigree",
        "- run: python -m pip install --quiet pedigree==1.1",
        "Install pedigree[embedded] or set a variable",
        "remedy=f\"Run: pip install 'pedigree[{extra}]'\"",
    ],
)
def test_a_recommendation_of_the_other_project_is_detected(text: str) -> None:
    assert wrong(text)


@pytest.mark.parametrize(
    "text",
    [
        "pip install pedigree-registry",
        "pip install 'pedigree-registry[server]'",
        "pip install --editable . && pedigree status",
        "`pip install requests`, then `pedigree pull`",
        "pip uninstall pedigree",
        "add it to the pedigree",
    ],
)
def test_a_recommendation_of_this_project_is_accepted(text: str) -> None:
    assert not wrong(text)


@pytest.fixture
def site(tmp_path: Path) -> Path:
    """A folder of packages, in addition to those that are installed here."""
    site = tmp_path / "site-packages"
    site.mkdir()
    return site


def install_family_trees(site: Path, *files: str) -> None:
    """Install the other project's distribution, with some files of it, as pip would."""
    for file in files:
        (site / file).parent.mkdir(exist_ok=True)
        (site / file).write_text('"""Family trees."""\n')
    info = site / "pedigree-1.1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: pedigree\nVersion: 1.1.0\n")
    recorded = (*files, f"{info.name}/METADATA", f"{info.name}/RECORD")
    (info / "RECORD").write_text("".join(f"{file},,\n" for file in recorded))


def install_what_is_here(site: Path, *, without: str) -> None:
    """Install this package, and the packages installed here except some."""
    for installed in SITE.iterdir():
        if without not in installed.name:
            (site / installed.name).symlink_to(installed)
    (site / "pedigree").symlink_to(ROOT / "pedigree")


@pytest.fixture
def status(site: Path, tmp_path: Path) -> Callable[..., str]:
    """Run `pedigree status` in a process that sees the folder first."""

    def run(*words: str, python: tuple[str, ...] = ()) -> str:
        done = subprocess.run(
            [sys.executable, *python, "-m", "pedigree", "status", *words],
            capture_output=True,
            text=True,
            check=False,
            cwd=tmp_path,
            env={**os.environ, "PYTHONPATH": str(site), "PEDIGREE_HOME": str(tmp_path / "home")},
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    return run


def test_status_reports_no_conflict_where_ours_is_alone(status: Callable[..., str]) -> None:
    document = json.loads(status("--json"))
    assert document["conflict"] is None
    assert document["versions"]["pedigree-registry"]


def test_status_says_that_the_other_project_is_installed_too(
    site: Path, status: Callable[..., str]
) -> None:
    install_family_trees(site, "family_trees/__init__.py")
    conflict = json.loads(status("--json"))["conflict"]
    assert "pedigree 1.1.0, another project's, is installed beside pedigree-registry" in conflict
    assert "owns files" not in conflict
    assert "installed beside pedigree-registry" in " ".join(status().split())


def test_status_says_that_the_other_project_overwrote_files_of_ours(
    site: Path, status: Callable[..., str]
) -> None:
    shutil.copytree(ROOT / "pedigree", site / "pedigree", ignore=shutil.ignore_patterns("*.pyc"))
    install_family_trees(site, "pedigree/__init__.py", "pedigree/pedigree_lib.py")
    conflict = json.loads(status("--json"))["conflict"]
    assert "beside pedigree-registry and owns files of the package pedigree" in conflict
    assert "pip uninstall pedigree, then: pip install --force-reinstall" in conflict


def test_status_says_that_the_other_project_is_installed_in_place_of_ours(
    site: Path, status: Callable[..., str]
) -> None:
    install_what_is_here(site, without="pedigree")
    install_family_trees(site)
    document = json.loads(status("--json", python=("-S",)))
    assert "installed in place of pedigree-registry" in document["conflict"]
    assert document["versions"]["pedigree-registry"] is None


def test_status_names_the_extra_without_which_it_cannot_look_at_the_database(
    site: Path, status: Callable[..., str]
) -> None:
    install_what_is_here(site, without="psycopg")
    shown = " ".join(status(python=("-S",)).split())
    assert "not known: pedigree-registry[registry] is not installed" in shown
