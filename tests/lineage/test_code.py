import re
import subprocess
from importlib.metadata import distributions
from pathlib import Path

import pytest

from pedigree.errors import InvalidMetadataError
from pedigree.lineage.code import _CI_COMMITS, current_code
from pedigree.lineage.environment import environment_hash, installed_packages
from pedigree.settings import Settings

COMMIT = "89abcdef" * 5


@pytest.fixture(autouse=True)
def _outside_ci(monkeypatch: pytest.MonkeyPatch) -> None:
    for variable in _CI_COMMITS:
        monkeypatch.delenv(variable, raising=False)


def git(folder: Path, *arguments: str) -> str:
    identity = ["-c", "user.name=Ann", "-c", "user.email=ann@example.com"]
    command = ["git", "-C", str(folder), *identity, *arguments]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()


def work_tree(folder: Path) -> str:
    folder.mkdir()
    git(folder, "init", "-q")
    (folder / "train.py").write_text("print(1)\n")
    git(folder, "add", ".")
    git(folder, "commit", "-qm", "Train")
    return git(folder, "rev-parse", "HEAD")


def test_a_built_image_has_its_commit_in_the_environment(tmp_path: Path) -> None:
    state = current_code(Settings(git_commit=COMMIT, git_dirty=True), tmp_path)
    assert (state.git_commit, state.git_dirty) == (COMMIT, True)
    assert state.git_source == "PEDIGREE_GIT_COMMIT"


def test_a_ci_variable_is_read_next(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GITHUB_SHA", COMMIT)
    state = current_code(Settings(), tmp_path)
    assert (state.git_commit, state.git_source) == (COMMIT, "GITHUB_SHA")


def test_a_work_tree_has_its_commit_and_whether_it_is_dirty(tmp_path: Path) -> None:
    commit = work_tree(tmp_path / "repo")
    clean = current_code(Settings(), tmp_path / "repo")
    assert (clean.git_commit, clean.git_dirty) == (commit, False)
    (tmp_path / "repo" / "train.py").write_text("print(2)\n")
    assert current_code(Settings(), tmp_path / "repo").git_dirty is True


def test_an_untracked_file_makes_a_work_tree_dirty(tmp_path: Path) -> None:
    work_tree(tmp_path / "repo")
    (tmp_path / "repo" / "new.py").write_text("print(3)\n")
    assert current_code(Settings(), tmp_path / "repo").git_dirty is True


def test_a_repository_without_a_commit_has_none(tmp_path: Path) -> None:
    git(tmp_path, "init", "-q")
    with pytest.raises(InvalidMetadataError, match="is unknown"):
        current_code(Settings(), tmp_path)


def test_a_commit_whose_changes_are_unknown_is_dirty(tmp_path: Path) -> None:
    commit = work_tree(tmp_path / "repo")
    (tmp_path / "repo" / ".git" / "index").write_bytes(b"broken")
    state = current_code(Settings(), tmp_path / "repo")
    assert (state.git_commit, state.git_dirty) == (commit, True)


def test_an_unknown_commit_is_an_error_with_a_remedy(tmp_path: Path) -> None:
    with pytest.raises(InvalidMetadataError, match="PEDIGREE_GIT_COMMIT"):
        current_code(Settings(), tmp_path)


def test_the_environment_lists_the_installed_packages() -> None:
    packages = installed_packages()
    assert set(packages) == {
        f"{re.sub('[-_.]+', '-', each.name).lower()}=={each.version}" for each in distributions()
    }
    assert any(package.startswith("pydantic==") for package in packages)
    assert environment_hash(packages) == environment_hash(reversed(packages))
    assert environment_hash(packages) != environment_hash(packages[1:])
