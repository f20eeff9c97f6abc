"""The gate of each requirement of a policy, and its reason."""

from datetime import timedelta
from pathlib import Path

import pytest
from pydantic import ValidationError

from pedigree.errors import GateNotPassedError, NotPermittedError, TransitionNotAllowedError
from pedigree.flavors.records import Verification, VerificationStatus, not_possible
from pedigree.registry import Registry
from tests.factories import register
from tests.lifecycle.deciding import ANN, BEN, candidate, let_time_pass, policy_of, waits_for


def test_metadata_that_a_stage_requires_is_waited_for(registry: Registry, tmp_path: Path) -> None:
    registry.set_policy("churn", policy_of(metadata=["owners", "tags.team", "datasheet_uri"]))
    reference = candidate(registry, tmp_path, datasheet_uri="https://example.com/sheet")
    assert waits_for(registry, reference) == ("metadata owners, tags.team",)
    registry.update(reference, owners=["ann"], tags={"team": "growth"})
    assert registry.promote(reference, "production").moved


@pytest.mark.parametrize("name", ["ownrs", "owners.x", "tags."])
def test_a_policy_cannot_require_what_no_version_has(name: str) -> None:
    with pytest.raises(ValidationError, match="requires"):
        policy_of(metadata=[name])


def test_bytes_that_predict_as_trained_can_be_required(registry: Registry, tmp_path: Path) -> None:
    registry.set_policy("churn", policy_of(verified=True))
    reference = candidate(registry, tmp_path)
    (missing,) = waits_for(registry, reference)
    assert missing == (
        "a training that verifies it; its verification is not possible: its files were registered,"
        " with no live model to compare them with"
    )
    with pytest.raises(GateNotPassedError, match="a training that verifies it"):
        registry.promote(reference, "production")
    for status in ("skipped", "verified"):
        found = Verification(status=VerificationStatus(status))
        again = register(registry, tmp_path, "a", run_id=status, verification=found)
        assert again == reference
        gates = {gate.name: gate for gate in registry.explain(reference, "production").gates}
        assert gates["verified"].passed == (status == "verified")
    assert gates["verified"].reason == "loaded in a new process, it predicts as trained"
    assert registry.promote(reference, "production").moved


def test_what_is_not_possible_needs_a_reason() -> None:
    with pytest.raises(ValidationError, match="needs a reason"):
        Verification(status=VerificationStatus.NOT_POSSIBLE)
    with pytest.raises(ValidationError, match="pattern"):
        Verification(status=VerificationStatus.VERIFIED, reason="a text with \0")
    assert not_possible("two\nlines\0of" + "x" * 1000).reason == "two lines of" + "x" * 488 + "…"


@pytest.mark.parametrize(
    ("gate", "waits"),
    [
        ({"metric": "auc", "at_least": 0.9}, "metric auc: 0.8 is below 0.9"),
        ({"metric": "auc", "at_most": 0.7}, "metric auc: 0.8 is above 0.7"),
        ({"metric": "f1", "at_least": 0.1}, "metric f1: it has none"),
        ({"metric": "auc", "at_least": 0.8, "at_most": 0.8}, None),
    ],
)
def test_a_metric_has_bounds(
    registry: Registry, tmp_path: Path, gate: dict[str, object], waits: str | None
) -> None:
    registry.set_policy("churn", policy_of(metrics=[gate]))
    reference = candidate(registry, tmp_path, metrics={"auc": 0.8})
    assert waits_for(registry, reference) == ((waits,) if waits else ())


def test_similar_gates_have_different_labels(registry: Registry, tmp_path: Path) -> None:
    fair = [{"name": "fair", "settings": {"groups": [each]}} for each in ("age", "sex")]
    policy = policy_of(
        metrics=[
            {"metric": "auc", "at_least": 0.7},
            {"metric": "auc", "against_champion": True, "tolerance": 0.01},
            {"metric": "loss", "against_champion": True, "higher_is_better": False},
            {"metric": "loss", "against_champion": True},
            {"metric": "f1", "at_least": 0.1, "at_most": 0.9},
        ],
        checks=fair,
    )
    registry.set_policy("churn", policy)
    reference = candidate(registry, tmp_path, metrics={"auc": 0.8, "f1": 0.5, "loss": 1.0})
    gates = {gate.name: gate for gate in registry.explain(reference, "production").gates}
    assert [name for name in gates if name.startswith(("metric", "fair"))] == [
        'fair groups ["age"]',
        'fair groups ["sex"]',
        "metric auc at least 0.7",
        "metric auc at most 0.01 below the champion's",
        "metric loss at most 0 above the champion's",
        "metric loss at most 0 below the champion's",
        "metric f1",
    ]
    assert gates["metric auc at least 0.7"].reason == "auc is 0.8, required: at least 0.7"


@pytest.mark.parametrize(
    ("metric", "better", "tolerance", "passes"),
    [
        (0.9, True, 0.0, True),
        (0.79, True, 0.0, False),
        (0.79, True, 0.02, True),
        (0.81, True, -0.05, False),
        (0.79, False, 0.0, True),
        (0.9, False, 0.05, False),
    ],
)
def test_a_metric_is_compared_with_the_champion_s(
    registry: Registry, tmp_path: Path, metric: float, better: bool, tolerance: float, passes: bool
) -> None:
    gate = {"metric": "auc", "against_champion": True, "higher_is_better": better}
    registry.set_policy("churn", policy_of(metrics=[{**gate, "tolerance": tolerance}]))
    registry.promote(candidate(registry, tmp_path, "a", metrics={"auc": 0.8}), "production")
    reference = candidate(registry, tmp_path, "b", metrics={"auc": metric})
    assert registry.explain(reference, "production").passed is passes


def test_a_metric_gate_has_a_requirement() -> None:
    with pytest.raises(ValidationError, match="has no requirement"):
        policy_of(metrics=[{"metric": "auc"}])


def test_a_version_soaks_in_the_previous_stage(registry: Registry, tmp_path: Path) -> None:
    registry.set_policy("churn", policy_of(soak="2d"))
    reference = candidate(registry, tmp_path)
    (waits,) = waits_for(registry, reference)
    assert waits.startswith("the end of its 2d in candidate, ")
    since = registry.get(reference).stage_since
    explanation = registry.explain(reference, "production")
    assert explanation.next_evaluation_at == since + timedelta(days=2)
    let_time_pass(registry, reference, days=2)
    assert registry.promote(reference, "production").moved


def test_a_verdict_may_not_be_too_old(registry: Registry, tmp_path: Path) -> None:
    check = {"name": "metadata_complete", "max_age": "30d"}
    registry.set_policy("churn", policy_of(checks=[check]))
    reference = candidate(registry, tmp_path)
    assert waits_for(registry, reference) == ()
    let_time_pass(registry, reference, days=31)
    assert waits_for(registry, reference) == (
        "check metadata_complete again: its verdict is older than 30d",
    )
    assert [verdict.check for verdict in registry.operations.checks.renew_verdicts("churn")] == [
        "metadata_complete"
    ]
    assert waits_for(registry, reference) == ()


def test_a_check_of_severity_warn_does_not_block(registry: Registry, tmp_path: Path) -> None:
    registry.set_policy("churn", policy_of(checks=[{"name": "scan", "severity": "warn"}]))
    reference = candidate(registry, tmp_path)
    reasons = {gate.name: gate.reason for gate in registry.explain(reference, "production").gates}
    assert reasons["scan"] == "check scan, which has not run"
    assert registry.promote(reference, "production").moved


def test_only_those_may_promote_and_roll_back_whom_the_policy_names(
    registry: Registry, tmp_path: Path
) -> None:
    registry.set_policy("churn", policy_of(promoters=["ann@*", "release-bot"]))
    first, second = (candidate(registry, tmp_path, content) for content in "ab")
    with pytest.raises(GateNotPassedError, match=r"ben@example\.com may not"):
        registry.promote(first, "production", actor=BEN)
    assert registry.promote(first, "production", actor=ANN).moved
    # the policy itself lets the sensor act
    assert registry.promote(second, "production", automatic=True, actor=BEN).moved
    with pytest.raises(NotPermittedError, match="ann@"):
        registry.rollback("churn", actor=BEN)
    assert registry.rollback("churn", actor=ANN).version_id == 1


def test_the_sensor_enters_no_manual_stage(registry: Registry, tmp_path: Path) -> None:
    registry.set_policy("churn", policy_of(automatic=False))
    reference = candidate(registry, tmp_path)
    with pytest.raises(TransitionNotAllowedError, match="a person enters it"):
        registry.promote(reference, "production", automatic=True)
    assert registry.operations.promotions.evaluate_candidates("churn").due is None


def test_a_candidate_that_a_newer_version_overtook_waits_for_a_person(
    registry: Registry, tmp_path: Path
) -> None:
    registry.set_policy("churn", policy_of())
    older, newer = (candidate(registry, tmp_path, content) for content in "ab")
    registry.promote(newer, "production")
    assert registry.operations.promotions.evaluate_candidates("churn").due is None
    explanation = registry.explain(older, "production", automatic=True)
    assert explanation.waits_for == ("a person; version 2, which is newer, holds production",)
    assert registry.promote(older, "production").moved


def test_what_a_candidate_waits_for_is_kept_on_it_and_looked_at_when_its_time_comes(
    registry: Registry, tmp_path: Path
) -> None:
    registry.set_policy("churn", policy_of(soak="2d", checks=["scan"]))
    reference = candidate(registry, tmp_path)
    registry.operations.promotions.evaluate_candidates("churn")
    (kept,) = registry.candidacies(reference)
    assert kept.stage == "production"
    assert [text.partition(" ")[0] for text in kept.waits_for] == ["check", "the"]
    assert registry.operations.promotions.names_to_evaluate() == ()
    let_time_pass(registry, reference, days=2)
    assert registry.operations.promotions.names_to_evaluate() == ("churn",)
    registry.operations.promotions.evaluate_candidates("churn")
    (kept,) = registry.candidacies(reference)
    assert kept.waits_for == ("check scan, which has not run",)
    assert registry.operations.promotions.names_to_evaluate() == ()
    registry.promote(reference, "archived")
    registry.operations.promotions.evaluate_candidates("churn")
    assert registry.candidacies(reference) == ()
