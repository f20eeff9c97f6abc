"""`kill -9` between a registration and the end of its checks: another process runs them."""

from pathlib import Path

import pytest

from pedigree.lifecycle.policy import default_policy
from pedigree.lifecycle.records import CheckRule, Severity
from pedigree.registry import Registry
from tests.factories import artifact
from tests.faults.killing import Victim
from tests.maintenance.collecting import require_sound

pytestmark = pytest.mark.system

JUDGING = (
    *("pedigree.registry.version_creator", "pedigree.registry.pending_checks"),
    *("pedigree.registry.checks", "pedigree.registry.cards", "pedigree.artifacts.content_upload"),
    "pedigree.lifecycle",
)
POLICY = default_policy(checks=[CheckRule(name="card_complete", severity=Severity.WARN)])
# A prime number, so that other lines are hit when the code changes.
STRIDE = 97


def test_another_process_completes_the_checks_after_a_kill(
    registry: Registry, database_url: str, tmp_path: Path
) -> None:
    def run(victim: Victim, number: int, *, kill: bool = True) -> int | None:
        name, path = f"model-{number}", artifact(tmp_path / f"{number}", f"weights {number}")
        # A check that needs a version with a number, so that it runs after the registration.
        registry.create_model(name)
        registry.set_policy(name, POLICY)
        lines = victim.run(
            kill_before=number if kill else None,
            database_url=database_url,
            store_url=registry.store.url,
            path=str(path),
            name=name,
        )
        assert (
            registry.operations.pending_checks.judge_newcomers() == ()
        )  # the registering process may still be running them
        registry.database.transaction(
            lambda transaction: transaction.execute(
                "UPDATE pedigree.unjudged SET due_at = clock_timestamp()"
            )
        )
        judged = registry.operations.pending_checks.judge_newcomers()
        assert registry.operations.pending_checks.judge_newcomers() == ()
        if registry.versions(name):
            assert registry.get(f"{name}/1").stage == "candidate"
            assert registry.card(f"{name}/1").revision >= 1
        left.append(bool(judged))
        return lines

    left: list[bool] = []
    with Victim("tests.faults.victims:register_and_judge", JUDGING) as victim:
        lines = run(victim, 100_000, kill=False)
        assert lines
        outcomes = [run(victim, number) for number in range(0, lines, STRIDE)]
    assert outcomes.count(None) >= len(outcomes) - 2
    assert left[0] is False
    assert left.count(True) > 2
    require_sound(registry)
