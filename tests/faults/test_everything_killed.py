"""`kill -9` of service, database, supervisor and clients for a minute: nothing is lost."""

from pathlib import Path

import pytest

from tests.faults.kill_everything import run
from tests.faults.mortal_client import KINDS

pytestmark = [pytest.mark.system, pytest.mark.timeout(400)]


def test_no_acknowledged_operation_is_lost_or_done_twice(tmp_path: Path) -> None:
    outcome = run(tmp_path, seconds=60, every=3)
    assert outcome.ok, outcome
    assert set(outcome.acknowledged) == set(KINDS)
    assert set(outcome.kills) == {"service", "database", "session", "supervisor", "client"}
