"""One bad model or version stops no upkeep of the others, and `pedigree status` shows it."""

from pathlib import Path
from typing import Any

import pytest

from pedigree.failures.store import failures
from pedigree.registry import Registry
from pedigree.registry.checks import CheckOperations
from pedigree.registry.reconciler import Reconciler
from tests.factories import leave_unjudged, make_failures_due, register
from tests.lifecycle.deciding import EVE, candidate, policy_of


def failing(registry: Registry) -> set[tuple[str, str]]:
    found = registry.database.read(lambda transaction: failures(transaction, limit=100))
    return {(failure.work, failure.member) for failure in found}


def execute(registry: Registry, statement: Any) -> None:
    registry.database.transaction(lambda transaction: transaction.execute(statement))


def test_a_model_whose_requests_cannot_be_performed_stops_no_other(
    registry: Registry, tmp_path: Path
) -> None:
    rules = policy_of(metadata=["owners"], automatic=False)
    for name in ("bad", "churn"):
        registry.set_policy(name, rules)
        reference = candidate(registry, tmp_path, name=name)
        registry.request_stage(reference, "production", actor=EVE)
        registry.update(reference, owners=["ann"])
    kept = registry.database.fetch_all(
        "SELECT policy::text AS text FROM pedigree.registered_model WHERE name = 'bad'"
    )[0]["text"]
    spoil = "UPDATE pedigree.registered_model SET policy = '{\"stages\": 1}' WHERE name = 'bad'"
    execute(registry, spoil)
    upkeep = Reconciler(registry)
    assert [move.model_name for move in upkeep.reconcile().moves] == ["churn"]
    assert {member for _, member in failing(registry)} == {"bad"}
    assert "bad" in upkeep.notes[0]
    assert upkeep.reconcile().moves == ()
    registry.database.transaction(
        lambda transaction: transaction.execute(
            "UPDATE pedigree.registered_model SET policy = %(kept)s WHERE name = 'bad'",
            {"kept": kept},
        )
    )
    make_failures_due(registry)
    assert [move.model_name for move in upkeep.reconcile().moves] == ["bad"]
    assert failing(registry) == set()


def test_a_version_that_cannot_be_judged_stops_no_other(
    registry: Registry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("bad", "churn"):
        register(registry, tmp_path, name=name)
        leave_unjudged(registry, name)
    judge = CheckOperations.judge_version

    def but_not_bad(self: CheckOperations, version: Any, **more: Any) -> object:
        if version.model_name == "bad":
            raise KeyError("poison")
        return judge(self, version, **more)

    def let_all_be_due() -> None:
        execute(registry, "UPDATE pedigree.unjudged SET due_at = clock_timestamp()")

    upkeep = Reconciler(registry)
    with monkeypatch.context() as patch:
        patch.setattr(CheckOperations, "judge_version", but_not_bad)
        let_all_be_due()
        judged = [upkeep.reconcile().judged for _ in range(2)]
    assert sorted(judged) == [(), ("churn/1",)]
    assert failing(registry) == {("checks", "bad/1")}
    let_all_be_due()
    assert upkeep.reconcile().judged == ("bad/1",)
    assert failing(registry) == set()
