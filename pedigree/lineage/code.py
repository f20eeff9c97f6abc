"""The commit of the running code, and whether the work tree differs from it."""

import os
import re
import subprocess
from pathlib import Path

from pedigree._record import Record
from pedigree.errors import InvalidMetadataError
from pedigree.settings import Settings

# Set by build systems to the commit that they build; an image has no work tree.
_CI_COMMITS = (
    "DAGSTER_CLOUD_GIT_SHA",
    "GITHUB_SHA",
    "CI_COMMIT_SHA",
    "GIT_COMMIT",
    "BUILDKITE_COMMIT",
)

_HEAD = re.compile(r"^# branch\.oid ([0-9a-f]+)$", re.MULTILINE)


class CodeState(Record):
    """A commit and its source."""

    git_commit: str
    git_dirty: bool
    git_source: str


def current_code(settings: Settings, folder: Path) -> CodeState:
    """Find the commit of the code: ``PEDIGREE_GIT_COMMIT``, the CI's variable, the work tree.

    Args:
        settings: This process's settings.
        folder: A folder of the work tree that holds the training code.

    Raises:
        InvalidMetadataError: None of the three has a commit.
    """
    if settings.git_commit:
        return CodeState(
            git_commit=settings.git_commit,
            git_dirty=settings.git_dirty,
            git_source="PEDIGREE_GIT_COMMIT",
        )
    for variable in _CI_COMMITS:
        commit = os.environ.get(variable, "").lower()
        if re.fullmatch(r"[0-9a-f]{7,64}", commit):
            return CodeState(git_commit=commit, git_dirty=False, git_source=variable)
    if state := _work_tree(folder):
        return state
    raise InvalidMetadataError(
        "is unknown: no variable contains it, and the code is not in a Git work tree with a commit",
        field="git_commit",
        value=str(folder),
        remedy="Set PEDIGREE_GIT_COMMIT, or commit the training code",
    )


def stated_code(commit: str, folder: Path, source: str) -> CodeState:
    """Return a stated commit; it is dirty if there is a work tree that differs from it.

    Args:
        commit: The commit.
        folder: A folder of the work tree that holds the training code, if there is one.
        source: The source that states the commit.
    """
    state = _work_tree(folder)
    dirty = state is not None and (state.git_dirty or state.git_commit != commit)
    return CodeState(git_commit=commit, git_dirty=dirty, git_source=source)


def _work_tree(folder: Path) -> CodeState | None:
    # One process for both: each takes 5 ms of processor time, even in a small repository.
    status = _git(folder, "status", "--porcelain=v2", "--branch", "--no-ahead-behind")
    if status is None:  # a broken index, or a repository without a work tree
        commit = _git(folder, "rev-parse", "HEAD")
        if commit is None:
            return None
        return CodeState(git_commit=commit, git_dirty=True, git_source="worktree")
    found = _HEAD.search(status)
    if found is None:
        return None  # nothing is committed yet
    dirty = any(not line.startswith("#") for line in status.splitlines())
    return CodeState(git_commit=found[1], git_dirty=dirty, git_source="worktree")


def _git(folder: Path, *arguments: str) -> str | None:
    try:
        answer = subprocess.run(
            ["git", "-C", str(folder), *arguments],
            capture_output=True,
            text=True,
            errors="replace",  # names of files in other encodings
            check=False,
            timeout=30,
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return answer.stdout.strip() if answer.returncode == 0 else None
