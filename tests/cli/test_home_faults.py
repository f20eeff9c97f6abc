"""A home folder with stale locks, reused process ids, or of another user."""

import fcntl
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path

import pytest

from pedigree.errors import PedigreeError
from pedigree.home_lock import Running, hold, running, started_at
from pedigree.postgres import EmbeddedPostgres
from tests.cli.conftest import Cli
from tests.users import as_another_user

STATE = Running(pid=0, url="http://127.0.0.1:3000", loads="nothing", ready=True)


@pytest.fixture
def innocent() -> Iterator[int]:
    """The id of a process that has nothing to do with Pedigree."""
    command = [sys.executable, "-c", "import sys; sys.stdin.read()"]
    with subprocess.Popen(command, stdin=subprocess.PIPE) as process:
        yield process.pid
        assert process.poll() is None, "it was not killed"
        process.communicate()


def write_state(home: Path, pid: int, started: str | None) -> None:
    home.mkdir(exist_ok=True)
    document = {**asdict(STATE), "pid": pid, "started": started}
    (home / "up.lock").write_text(json.dumps(document))


def test_a_lock_that_a_killed_server_left_means_nothing(
    cli: Cli, home: Path, innocent: int
) -> None:
    write_state(home, innocent, "1")
    assert running(home) is None
    assert "Nothing was running" in cli("down").out
    with hold(home) as held:
        held.tell(Running(pid=os.getpid(), url="x", loads="y", ready=True))
        assert running(home) == Running(pid=os.getpid(), url="x", loads="y", ready=True)


@pytest.mark.parametrize("text", ["", "{", "[]", "{}", '{"pid": "x"}'])
def test_a_process_id_that_was_reused_is_not_killed(
    text: str, cli: Cli, home: Path, innocent: int
) -> None:
    write_state(home, innocent, "1")
    if text:
        (home / "up.lock").write_text(text)
    with (home / "up.lock").open("rb") as lock:
        # A new server has the lock, and has not written its own process yet.
        fcntl.flock(lock, fcntl.LOCK_EX)
        found = running(home)
        assert found is not None
        assert found.pid == 0
        answer = cli("down", "--json")
        assert (answer.code, answer.error["type"]) == (1, "UnavailableError")
        assert cli("status", "--json").code == 0


def test_a_process_has_the_time_of_its_start(innocent: int) -> None:
    assert started_at(innocent) == started_at(innocent)
    assert started_at(innocent) != started_at(os.getppid())
    assert started_at(2**22 + 1) is None


@pytest.mark.system
def test_a_home_with_objects_and_without_its_database_starts_no_empty_registry(
    process: Cli, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("PEDIGREE_DATABASE_URL")
    kept = home / "objects" / "blobs" / "kept"
    kept.parent.mkdir(parents=True)
    kept.write_text("weights")
    try:
        for words in (("models",), ("models",), ("migrate",)):
            answer = process(*words, "--json")
            assert (answer.code, answer.out) == (1, "")
            assert answer.error["type"] == "StoreUnavailableError"
            assert answer.error["value"] == (home / "objects").as_uri()
            assert "from a backup" in answer.error["remedy"]
        EmbeddedPostgres(home).stop(force=True)
        shutil.rmtree(home / "postgres")
        answer = process("models", "--json")
        assert (answer.code, answer.error["type"]) == (1, "EmbeddedPostgresError")
        assert answer.error["field"] == "PEDIGREE_HOME"
        assert process("status", "--json").json["database"]["state"] == "lost"
    finally:
        EmbeddedPostgres(home).stop(force=True)
    assert kept.read_text() == "weights"


def test_the_home_of_another_user_is_named() -> None:
    with tempfile.TemporaryDirectory(dir="/tmp", prefix="pedigree-home-") as folder:
        home = Path(folder) / "home"
        Path(folder).chmod(0o755)
        with hold(home):
            pass

        def attempt(mode: int) -> list[str]:
            home.chmod(mode)
            return as_another_user(lambda: [error_of(running), error_of(enter)])  # type: ignore[no-any-return]

        def enter(home: Path) -> None:
            with hold(home):
                pass

        def error_of(work: object) -> str:
            try:
                work(home)  # type: ignore[operator]
            except PedigreeError as error:
                return f"{type(error).__name__} {error.field} {error.message}"
            return "works"

        for mode in (0o700, 0o755):
            for found in attempt(mode):
                assert found.startswith("UnavailableError PEDIGREE_HOME"), (mode, found)
                assert "Permission denied" in found
