"""Policies as people write them: in YAML, and the ready-made ones."""

from datetime import timedelta
from pathlib import Path

import pytest

from pedigree.errors import InvalidPolicyError
from pedigree.lifecycle.policy import default_policy, rollout_policy
from pedigree.lifecycle.policy_yaml import load_policy, read_document, write_document
from pedigree.lifecycle.records import MetricRule, Policy

AUC = MetricRule(metric="auc")
WHOLE = """
stages:
- name: candidate
  after: [none]
  checks: [metadata_complete, {name: artifact_intact, severity: warn, max_age: 30d}]
- name: production
  after: [candidate, archived]
  exclusive: true
  automatic: true
  metadata: [owners, tags.team]
  metrics:
  - {metric: auc, at_least: 0.8, against_champion: true, tolerance: 0.01}
  approvals:
    needed: 1
    by_risk_class: {high: 2, minimal: 0}
    by: ['*@risk.example']
    expire_after: 7d
  soak: 36h
  promoters: [release-bot, '*@ops.example']
- name: archived
  after: [none, candidate, production]
editors: ['*@risk.example']
"""


@pytest.mark.parametrize(
    "policy", [default_policy(), default_policy(AUC), rollout_policy(AUC), read_document(WHOLE)]
)
def test_a_policy_survives_its_document(policy: Policy) -> None:
    assert read_document(write_document(policy)) == policy


def test_a_document_says_what_its_author_would_write() -> None:
    text = write_document(read_document(WHOLE))
    assert "soak: 36h\n" in text
    assert "- metadata_complete\n" in text
    assert "expire_after: 7d\n" in text
    assert "tolerance: 0.01" in text
    assert "higher_is_better" not in text


# Twelve lines whose aliases stand for two billion values.
LAUGHS = "a0: &a0 [x]\n" + "".join(
    f"a{line}: &a{line} [{', '.join([f'*a{line - 1}'] * 6)}]\n" for line in range(1, 13)
)


def test_a_policy_is_read_from_a_file(tmp_path: Path) -> None:
    file = tmp_path / "policy.yaml"
    file.write_text(WHOLE)
    assert load_policy(file).rule("production").soak == timedelta(hours=36)
    with pytest.raises(InvalidPolicyError, match="cannot be read"):
        load_policy(tmp_path / "none.yaml")


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("stages: [", "not YAML in line"),
        ("stages: 2020-13-45", "is not YAML"),
        pytest.param("- " * 3000, "is not YAML", id="deep"),
        pytest.param(LAUGHS, "is too large", id="aliases"),
        ("stages: 3", "stages"),
        ("- a", "policy: "),
        ("stages: [{name: a, after: [b]}]", "follows 'b'"),
        ("stages: [{name: a, after: [none], soak: two days}]", "write a duration as 30d"),
        ("stages: [{name: a, after: [none], speed: 3}]", "stages.0.speed"),
    ],
)
def test_an_invalid_policy_is_refused_with_the_place(text: str, says: str) -> None:
    with pytest.raises(InvalidPolicyError, match=says):
        read_document(text)
