"""The benchmark of the garbage collection, for a few seconds."""

from pathlib import Path

import pytest

from benchmarks.gc import run

pytestmark = pytest.mark.system


@pytest.mark.timeout(120)
def test_collecting_without_grace_while_others_register_and_delete_loses_nothing(
    database_url: str, tmp_path: Path
) -> None:
    done = run(tmp_path, seconds=5, database_url=database_url)
    assert (done.errors, done.dangling, done.violations) == (0, 0, 0)
    assert done.registered > 0
