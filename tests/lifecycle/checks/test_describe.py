"""The descriptions of checks for people."""

from datetime import timedelta

import pytest

from pedigree.errors import InvalidPolicyError
from pedigree.lifecycle.checks.describe import described
from pedigree.lifecycle.policy import default_policy
from pedigree.lifecycle.records import CheckRule, MetricRule, Policy, Severity, StageRule


def staged(**rules: CheckRule) -> Policy:
    """A policy whose stages ask for one check each."""
    return Policy(
        stages=tuple(
            StageRule(name=name, after=("none",), checks=(rule,)) for name, rule in rules.items()
        )
    )


def test_the_metric_that_no_regression_compares_is_the_policy_s() -> None:
    policy = default_policy(MetricRule(metric="mae", higher_is_better=False, tolerance=0.5))
    assert described("no_regression", policy) == (
        "A metric is not worse than that of the production version, within a tolerance."
        " For candidate, staging, production: metric mae; higher_is_better false; tolerance 0.5."
    )
    own = CheckRule(name="no_regression", settings={"metric": "auc"})
    assert "For staging: metric auc;" in described("no_regression", staged(staging=own))


def test_each_stage_s_settings_severity_and_age_are_named() -> None:
    early = CheckRule(name="card_complete", settings={"percent": 60}, severity=Severity.WARN)
    late = CheckRule(
        name="card_complete", settings={"fields": ["owners", "metrics"]}, max_age=timedelta(days=30)
    )
    assert described("card_complete", staged(candidate=early, staging=early, production=late)) == (
        "Enough of the model card's fields are provided. For candidate, staging: percent 60; a"
        " failure only warns. For production: percent 80; fields owners, metrics; at most 30 days"
        " old."
    )


def test_a_check_without_settings_or_without_a_stage_says_so() -> None:
    policy = default_policy()
    assert described("artifact_intact", policy).endswith(". For candidate, staging, production.")
    assert described("fairness", policy).endswith(". No stage requires it.")


def test_settings_that_the_check_does_not_take_are_refused() -> None:
    wrong = CheckRule(name="card_complete", settings={"percentage": 60})
    with pytest.raises(InvalidPolicyError, match="percentage"):
        described("card_complete", staged(staging=wrong))
