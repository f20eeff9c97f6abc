from pathlib import Path

import pytest

from pedigree.errors import GateNotPassedError, InvalidPolicyError
from pedigree.lifecycle.records import CheckRule, Policy, Severity
from pedigree.registry import Registry
from tests.factories import register
from tests.lifecycle.checks.conftest import Judge, asking

CHECK = "metadata_complete"
COMPLETE = {
    "metrics": {"auc": 0.9},
    "description": "predicts churn",
    "owners": ("ann@example.com",),
    "training_data_digest": "one",
    "environment": ("numpy==2.0",),
}


def test_what_is_recommended_warns_and_what_is_required_fails(judge: Judge) -> None:
    warned = judge(CHECK)
    assert (warned.passed, warned.severity) == (False, Severity.WARN)
    assert "owners" in warned.summary
    failed = judge(CHECK, required=["risk_class", "tags.team"], recommended=[])
    assert (failed.passed, failed.severity) == (False, Severity.ERROR)
    assert failed.summary == "not provided: risk_class, tags.team"
    assert judge(CHECK, recommended=[]).passed


def test_single_tags_metrics_and_params_can_be_required(
    registry: Registry, tmp_path: Path, judge: Judge
) -> None:
    other = register(registry, tmp_path, "other", tags={"team": "growth"}, **COMPLETE)
    settings = {"required": ["tags.team", "metrics.auc"], "recommended": []}
    assert judge(CHECK, other, **settings).passed
    assert not judge(CHECK, other, required=["params.depth"], recommended=[]).passed


def test_an_unknown_field_is_an_invalid_policy(judge: Judge) -> None:
    with pytest.raises(InvalidPolicyError, match="'nonsense' is not a metadata field") as caught:
        judge(CHECK, required=["nonsense"])
    assert caught.value.field == "checks.metadata_complete.settings.required.0"


def test_each_stage_asks_for_metadata_of_its_own(registry: Registry, tmp_path: Path) -> None:
    def rule(*required: str) -> CheckRule:
        return CheckRule(name=CHECK, settings={"required": list(required), "recommended": []})

    first, second = asking(rule("description")), asking(rule("owners"), stage="staging")
    stages = [
        ours.model_copy(update={"checks": ours.checks or theirs.checks})
        for ours, theirs in zip(first.stages, second.stages, strict=True)
    ]
    registry.set_policy("churn", Policy(stages=tuple(stages)))
    reference = register(registry, tmp_path, description="predicts churn")
    for verdict in registry.rerun_check(reference, CHECK):
        assert verdict.passed is (verdict.settings == rule("description").settings)
    assert registry.get(reference).stage == "candidate"
    with pytest.raises(GateNotPassedError, match="not provided: owners"):
        registry.promote(reference, "staging")
    registry.update(reference, owners=["ann@example.com"])
    assert len(registry.rerun_check(reference, CHECK)) == 2
    assert registry.promote(reference, "staging").moved


def test_a_verdict_with_other_settings_does_not_count(registry: Registry, tmp_path: Path) -> None:
    registry.set_policy("churn", asking(CheckRule(name=CHECK, settings={"recommended": []})))
    reference = register(registry, tmp_path)
    registry.rerun_check(reference, CHECK)
    stricter = CheckRule(name=CHECK, settings={"required": ["risk_class"]})
    registry.set_policy("churn", asking(stricter, stage="staging"))
    waits = registry.explain(reference, "staging").waits_for
    assert waits == ("check metadata_complete, which has not run with the settings of this stage",)
