"""The commit of an asset's code, and whether the work tree differs from it."""

import subprocess
from pathlib import Path

import dagster as dg
import pytest

from pedigree.dagster.capture.code import code_of
from pedigree.settings import Settings

COMMIT = "0123456789abcdef0123456789abcdef01234567"


def linked(ref: str) -> dict[str, dg.CodeReferencesMetadataValue]:
    url = f"https://forge.example/team/models/-/tree/{ref}/churn/train.py#L9"
    local = dg.LocalFileCodeReference(file_path="train.py", line_number=9)
    references = [local, dg.UrlCodeReference(url=url)]
    return {"dagster/code_references": dg.CodeReferencesMetadataValue(code_references=references)}


@pytest.fixture(autouse=True)
def _no_build_server(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("DAGSTER_CLOUD_GIT_SHA", "GITHUB_SHA", "CI_COMMIT_SHA", "GIT_COMMIT"):
        monkeypatch.delenv(name, raising=False)


def committed(folder: Path) -> str:
    """Turn the folder into a work tree with one commit."""
    identity = ["-c", "user.name=t", "-c", "user.email=t@example.com"]
    (folder / "train.py").write_text("first")
    for words in (["init", "-q"], ["add", "."], [*identity, "commit", "-qm", "first"]):
        subprocess.run(["git", "-C", str(folder), *words], check=True)
    done = subprocess.run(
        ["git", "-C", str(folder), "rev-parse", "HEAD"], capture_output=True, text=True, check=True
    )
    return done.stdout.strip()


def test_a_code_reference_has_the_commit_without_a_work_tree(tmp_path: Path) -> None:
    found = code_of(Settings(), tmp_path, linked(COMMIT))
    assert (found.git_commit, found.git_dirty) == (COMMIT, False)
    assert found.git_source == "code_references"


def test_a_code_reference_is_dirty_if_the_work_tree_differs(tmp_path: Path) -> None:
    head = committed(tmp_path)
    assert not code_of(Settings(), tmp_path, linked(head)).git_dirty
    assert code_of(Settings(), tmp_path, linked(COMMIT)).git_dirty
    (tmp_path / "train.py").write_text("edited")
    assert code_of(Settings(), tmp_path, linked(head)).git_dirty


def test_a_link_to_a_branch_is_not_a_commit(tmp_path: Path) -> None:
    head = committed(tmp_path)
    found = code_of(Settings(), tmp_path, linked("main"))
    assert (found.git_commit, found.git_source) == (head, "worktree")


def test_the_settings_take_precedence_over_a_code_reference(tmp_path: Path) -> None:
    found = code_of(Settings(git_commit="abcdef0"), tmp_path, linked(COMMIT))
    assert (found.git_commit, found.git_source) == ("abcdef0", "PEDIGREE_GIT_COMMIT")
