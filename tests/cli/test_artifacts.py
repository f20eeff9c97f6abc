import os
import pty
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from tests.cli.conftest import Answer, Cli

Register = Callable[..., Answer]


def test_stats_shows_stored_and_referred_bytes(register: Register, cli: Cli) -> None:
    register()
    register(name="other", content="weights-2")
    found = cli("stats", "--json").json
    assert (found["models"], found["versions"]) == (2, 2)
    assert found["logical_bytes"] == len("weights") + len("weights-2")
    assert "saved by storing each file once" in cli("stats").out


def test_presign_of_a_folder_is_refused_with_the_remedy(register: Register, cli: Cli) -> None:
    register()
    answer = cli("presign", "churn/1", "--json")
    assert answer.code == 2
    assert answer.error["type"] == "UnsupportedByStoreError"
    assert "s3://" in answer.error["remedy"]


def test_a_bar_is_shown_at_a_terminal_and_nowhere_else(
    register: Register, registry_of_this_test: None, tmp_path: Path
) -> None:
    register()
    assert b"churn/1" in stderr_at_a_terminal("pull", "churn/1", str(tmp_path / "one"))
    assert stderr_at_a_terminal("pull", "churn/1", str(tmp_path / "two"), "--json") == b""


def stderr_at_a_terminal(*words: str) -> bytes:
    """Run a command whose stderr is a terminal, and return what it wrote there."""
    ours, theirs = pty.openpty()
    command = [str(Path(sys.executable).with_name("pedigree")), *words]
    environment = {**os.environ, "TERM": "xterm", "COLUMNS": "100"}
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=theirs, env=environment)
    os.close(theirs)
    try:
        return os.read(ours, 1 << 16)
    except OSError:  # nothing was written, and the other end is closed
        return b""
    finally:
        os.close(ours)


def test_a_pull_replaces_files_of_somebody_else_only_by_force(
    register: Register, cli: Cli, tmp_path: Path
) -> None:
    register()
    there = tmp_path / "there"
    there.mkdir()
    (there / "model.bin").write_text("mine")
    answer = cli("pull", "churn/1", there, "--json")
    assert (answer.code, answer.error["type"]) == (2, "FileConflictError")
    assert "--force" in answer.error["remedy"]
    assert (there / "model.bin").read_text() == "mine"
    assert cli("pull", "churn/1", there, "--force", "--json").code == 0
    assert (there / "model.bin").read_text() == "weights"
