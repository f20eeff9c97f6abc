"""`kill -9` of the sealer: the log verifies, and the next sealer goes on."""

from pathlib import Path

import pytest

from pedigree.registry import Registry
from tests.audit.sealing import add_events, contents, require_sealed, write_key
from tests.faults.killing import Victim

SEALING = ("pedigree.audit", "pedigree.registry.log_sealing")
# A prime, so that over the years other lines are hit as the code moves.
STRIDE = 31


@pytest.mark.system
@pytest.mark.timeout(300)
def test_a_killed_sealer_leaves_a_log_that_verifies(
    registry: Registry, database_url: str, tmp_path: Path
) -> None:
    key = write_key(tmp_path / "key.pem")
    database = registry.database

    def run(victim: Victim, *, kill_before: int) -> int | None:
        add_events(database, 300)
        lines = victim.run(
            kill_before=kill_before, database_url=database_url, home=str(tmp_path), key=str(key)
        )
        assert require_sealed(database) in (before[-1], len(contents(database)))
        before.append(require_sealed(database))
        return lines

    before = [0]
    with Victim("tests.faults.victims:seal", SEALING) as victim:
        lines = run(victim, kill_before=100_000)
        assert lines
        outcomes = [run(victim, kill_before=number) for number in range(0, lines, STRIDE)]
        assert run(victim, kill_before=100_000)
    # Each run after the first has no new key, so the last numbers are past its end.
    assert outcomes.count(None) >= len(outcomes) / 2
    assert len(set(before)) >= 2
    assert before[-1] == len(contents(database))
