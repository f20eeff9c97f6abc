"""A short form of the rolling restart that `benchmarks/rolling.py` measures."""

from pathlib import Path

import pytest

from benchmarks.rolling import run

pytestmark = pytest.mark.system


def test_two_processes_are_restarted_by_turns_and_no_call_fails(
    database_url: str, tmp_path: Path
) -> None:
    done = run(tmp_path, seconds=0, pause_s=0.2, drain="0", rate=20, database_url=database_url)
    assert done.restarts == 2
    assert done.failures == []
    assert done.lost == 0
    assert done.made
    assert done.registered
