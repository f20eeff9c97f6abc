"""`kill -9` during a tick: a promotion happens completely or not at all."""

from pathlib import Path

import pytest

from pedigree.registry import Registry
from tests.faults.killing import Victim
from tests.lifecycle.deciding import candidate, policy_of
from tests.maintenance.collecting import require_sound

pytestmark = pytest.mark.system

PROMOTING = ("pedigree.lifecycle", "pedigree.audit", "pedigree.registry.approvals")
# A prime number, so that other lines are hit when the code changes.
STRIDE = 71


@pytest.mark.timeout(300)
def test_a_promotion_is_atomic_under_a_kill_and_the_next_tick_makes_it_once(
    registry: Registry, database_url: str, tmp_path: Path
) -> None:
    def run(victim: Victim, number: int, *, kill: bool = True) -> int | None:
        name = f"model-{number}"
        registry.set_policy(name, policy_of(approvals={}))
        reference = candidate(registry, tmp_path, f"weights {number}", name=name)
        task = {
            "database_url": database_url,
            "store_url": registry.store.url,
            "home": str(registry.settings.home_folder),
            "name": name,
        }
        lines = victim.run(kill_before=number if kill else None, **task)
        before = registry.get(reference)
        assert (before.stage == "production") == (before.generation == 3)
        victim.run(kill_before=None, **task)
        assert registry.get(reference).stage == "production"
        assert [each.pointer for each in registry.timeline(name)] == [
            "stage:candidate",
            "stage:production",
        ]
        return lines

    with Victim("tests.faults.victims:approve_and_promote", PROMOTING) as victim:
        lines = run(victim, 100_000, kill=False)
        assert lines
        outcomes = [run(victim, number) for number in range(0, lines, STRIDE)]
    assert outcomes.count(None) >= len(outcomes) - 2
    require_sound(registry)
