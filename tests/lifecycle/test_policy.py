import pytest
from pydantic import ValidationError

from pedigree.lifecycle.records import CheckRule, Policy, Severity, StageRule
from pedigree.monitoring.records import DriftAction, DriftRule


def stage(name: str, *checks: object) -> dict[str, object]:
    return {"name": name, "after": ["none"], "checks": list(checks)}


def test_a_check_s_name_alone_is_a_rule() -> None:
    policy = Policy.model_validate({"stages": [stage("candidate", "scan", {"name": "slices"})]})
    assert policy.stages[0].checks == (CheckRule(name="scan"), CheckRule(name="slices"))
    assert policy.stages[0].check_names == ("scan", "slices")


def test_a_rule_survives_its_storing() -> None:
    rule = CheckRule.model_validate(
        {"name": "slices", "severity": "warn", "max_age": "30d", "settings": {"groups": ["age"]}}
    )
    policy = Policy(stages=(StageRule(name="candidate", after=("none",), checks=(rule,)),))
    assert Policy.model_validate(policy.model_dump(mode="json")) == policy
    assert (rule.severity, rule.max_age.days) == (Severity.WARN, 30)


def test_stages_ask_for_a_check_by_settings_of_their_own() -> None:
    given = {"name": "slices", "settings": {"groups": ["age"]}}
    policy = Policy.model_validate(
        {
            "stages": [
                stage("candidate", "slices"),
                stage("staging", given, "slices"),
                stage("production", {**given, "severity": "warn"}),
            ]
        }
    )
    plain, by_age = policy.check_rules("slices")
    assert (plain.settings, by_age.settings) == ({}, {"groups": ["age"]})
    assert by_age.severity is Severity.ERROR
    assert policy.check_rules("scan") == ()


def test_drift_is_watched_in_a_stage_of_the_policy() -> None:
    policy = Policy.model_validate(
        {"stages": [stage("live")], "drift": {"stage": "live", "action": "retrain"}}
    )
    assert policy.drift == DriftRule(stage="live", action=DriftAction.RETRAIN)
    assert Policy.model_validate(policy.model_dump(mode="json")) == policy
    with pytest.raises(ValidationError, match="watched in 'production', not declared"):
        Policy(stages=policy.stages, drift=DriftRule())
