"""Locks that end with their process, and their holders."""

import os
import subprocess
import sys

import pytest

from pedigree.errors import EmbeddedPostgresError
from pedigree.postgres import _locks

HOLD = (
    "import sys, pathlib; from pedigree.postgres import _locks;"
    "_locks.acquire(pathlib.Path(sys.argv[1]), timeout_s=5); print('held', flush=True);"
    "sys.stdin.read()"
)


@pytest.fixture
def holder(tmp_path):
    """Another process that holds the lock `tmp_path / "lock"`."""
    process = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(tmp_path / "lock")],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    with process:
        assert process.stdout.readline() == "held\n"
        yield process
        process.kill()


@pytest.mark.system
def test_a_lock_ends_with_its_process(tmp_path, holder):
    path = tmp_path / "lock"
    assert _locks.is_held(path)
    holder.kill()
    holder.wait()
    os.close(_locks.acquire(path, timeout_s=5))
    assert not _locks.is_used(path)


def test_a_lock_timeout_is_an_error_that_names_the_holder(tmp_path, holder):
    who = holder.pid if sys.platform == "linux" else "processes"
    with pytest.raises(EmbeddedPostgresError, match=f"Check what it does: {who}"):
        _locks.acquire(tmp_path / "lock", timeout_s=0.05)


def test_a_shared_lock_is_used_but_not_held(tmp_path):
    path = tmp_path / "lock"
    descriptor = _locks.acquire(path, timeout_s=1, shared=True)
    assert _locks.is_used(path)
    assert not _locks.is_held(path)
    os.close(descriptor)


def test_a_lock_is_not_inherited_by_started_programs(tmp_path):
    descriptor = _locks.acquire(tmp_path / "lock", timeout_s=1)
    with subprocess.Popen(["sleep", "60"], close_fds=False) as child:
        os.close(descriptor)
        assert not _locks.is_used(tmp_path / "lock")
        child.kill()


def test_a_lock_on_a_replaced_file_does_not_count(tmp_path):
    path = tmp_path / "lock"
    descriptor = _locks.acquire(path, timeout_s=1)
    path.unlink()
    assert not _locks.is_current(descriptor, path)
    other = _locks.acquire(path, timeout_s=1)
    assert _locks.is_current(other, path)
    os.close(descriptor)
    os.close(other)


def test_a_query_of_a_lock_does_not_create_its_file(tmp_path):
    path = tmp_path / "lock"
    assert not _locks.is_used(path)
    assert not _locks.is_held(path)
    assert _locks.holders(path) == ()
    assert not path.exists()
