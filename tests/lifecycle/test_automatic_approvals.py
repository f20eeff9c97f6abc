"""Automatic approvers decide about low risk under a name of their own, and never about high."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from pedigree.access.records import Permission
from pedigree.audit.event_types import EventType
from pedigree.audit.records import Actor
from pedigree.errors import GateNotPassedError, InvalidPolicyError, NotPermittedError
from pedigree.failures.records import BackgroundWork
from pedigree.lifecycle.decision_records import StageRequest
from pedigree.maintenance.fsck_replay import check_replay
from pedigree.registry import Registry
from pedigree.registry.reconciler import Reconciler
from tests.lifecycle.deciding import ANN, EVE, candidate, policy_of, waits_for

PRINCIPAL = "service:approver:small"
WARNING = {"name": "artifact_intact", "severity": "warn"}


def by(**automatic: Any) -> dict[str, Any]:
    """Approvals with one automatic approver."""
    return {"needed": 1, "automatic": [{"name": "small", **automatic}]}


def approve(registry: Registry, name: str = "churn") -> list[str]:
    decided = registry.operations.approvals.approve_automatically(name)
    return [each.decided_by for each in decided]


def with_check(registry: Registry, **more: Any) -> None:
    """A policy whose check only warns, and approves in place of a person if it has passed."""
    rule = by(check="artifact_intact") | more
    registry.set_policy("churn", policy_of(checks=[WARNING], approvals=rule))


def test_a_passed_check_approves_a_version_of_low_risk(registry: Registry, tmp_path: Path) -> None:
    with_check(registry)
    reference = candidate(registry, tmp_path, risk_class="minimal")
    registry.run_check(reference, "artifact_intact")
    assert waits_for(registry, reference) == ("1 approval",)
    assert approve(registry) == [PRINCIPAL]
    assert approve(registry) == []
    version = registry.get(reference)
    assert (version.approval_status, version.approved_by) == ("approved", PRINCIPAL)
    (event,) = registry.events(types=[EventType.VERSION_APPROVED])
    assert event.actor == Actor(name=PRINCIPAL, source="policy")
    assert event.body["comment"].startswith("the check artifact_intact passed: ")
    assert registry.operations.promotions.evaluate_candidates("churn").due is not None
    assert registry.promote(reference, "production", automatic=True).moved
    assert check_replay(registry.database).examples == []


@pytest.mark.parametrize("risk_class", ["high", "unacceptable", None])
def test_a_person_is_needed_for_any_other_risk(
    registry: Registry, tmp_path: Path, risk_class: str | None
) -> None:
    with_check(registry)
    fields = {"risk_class": risk_class} if risk_class else {}
    reference = candidate(registry, tmp_path, **fields)
    registry.run_check(reference, "artifact_intact")
    assert approve(registry) == []
    with pytest.raises(GateNotPassedError, match="1 approval"):
        registry.promote(reference, "production")
    registry.approve(reference, "production", comment="looked at it", actor=ANN)
    assert registry.promote(reference, "production").moved


@pytest.mark.parametrize(
    ("rule", "problem"),
    [
        (by(check="artifact_intact", risk_classes=["high"]), "risk class high"),
        (by(check="artifact_intact", risk_classes=["minimal", "unacceptable"]), "unacceptable"),
        (by(check="artifact_intact") | {"by_risk_class": {"high": 0}}, "risk class high"),
        (by(check="artifact_intact") | {"needed": 0}, "risk class"),
        (by(), "needs a check or a callable"),
        (by(check="artifact_intact", callable="acme"), "needs a check or a callable"),
        (by(check="no_regression"), "which the stage 'production' does not have"),
        (by(callable="acme", name="Small approver"), "pattern"),
        ({"automatic": [{"name": "a", "callable": "x"}] * 2}, "one name"),
    ],
)
def test_a_policy_that_would_leave_risk_without_a_person_is_refused(
    rule: dict[str, Any], problem: str
) -> None:
    from pedigree.lifecycle.policy import parse_policy

    stage = {"name": "production", "after": ["none"], "checks": [WARNING], "approvals": rule}
    with pytest.raises(InvalidPolicyError, match=problem):
        parse_policy({"stages": [stage]})


def test_a_check_that_failed_or_is_void_approves_nothing(
    registry: Registry, tmp_path: Path
) -> None:
    with_check(registry)
    reference = candidate(registry, tmp_path, risk_class="limited")
    assert approve(registry) == []  # it has not run
    failed = {"check": "artifact_intact", "passed": False, "severity": "warn", "summary": "gone"}
    from pedigree.lifecycle.records import Verdict

    digest = registry.get(reference).digest
    registry.record_verdict(reference, Verdict.model_validate({**failed, "digest": digest}))
    assert approve(registry) == []
    registry.run_check(reference, "artifact_intact")
    assert approve(registry) == [PRINCIPAL]


def test_an_approver_that_the_policy_does_not_name_any_more_does_not_count(
    registry: Registry, tmp_path: Path
) -> None:
    with_check(registry)
    reference = candidate(registry, tmp_path, risk_class="minimal")
    registry.run_check(reference, "artifact_intact")
    approve(registry)
    assert waits_for(registry, reference) == ()
    other = {"automatic": [{"name": "other", "check": "artifact_intact"}]}
    registry.set_policy("churn", policy_of(checks=[WARNING], approvals=other))
    assert waits_for(registry, reference) == ("1 approval",)


def test_it_decides_beside_named_people_and_satisfies_no_promoter(
    registry: Registry, tmp_path: Path
) -> None:
    with_check(registry, by=["ann@*"])
    reference = candidate(registry, tmp_path, risk_class="minimal")
    registry.run_check(reference, "artifact_intact")
    assert waits_for(registry, reference) == (f"1 approval by ann@* or {PRINCIPAL}",)
    only_asks = registry.acting_as(EVE, permissions={Permission.READ, Permission.REQUEST})
    asked = only_asks.request_stage(reference, "production")
    assert isinstance(asked, StageRequest)
    approve(registry)
    # Who may only request still needs somebody who may promote.
    assert registry.get(reference).stage == "candidate"
    registry.approve(reference, "production", comment="fine", actor=ANN)
    assert registry.get(reference).stage == "production"


def test_nobody_else_decides_under_such_a_name(registry: Registry, tmp_path: Path) -> None:
    with_check(registry)
    reference = candidate(registry, tmp_path, risk_class="minimal")
    for name in (PRINCIPAL, "service:reconciler", "sensor:pedigree_promotion"):
        with pytest.raises(NotPermittedError, match="other people"):
            registry.approve(
                reference, "production", comment="mine", actor=Actor(name=name, source="policy")
            )
    assert registry.decisions(reference) == ()


def test_of_many_candidates_only_the_newest_is_approved(registry: Registry, tmp_path: Path) -> None:
    with_check(registry)
    references = [candidate(registry, tmp_path, content, risk_class="minimal") for content in "abc"]
    for reference in references:
        registry.run_check(reference, "artifact_intact")
    assert approve(registry) == [PRINCIPAL]
    assert [len(registry.decisions(each)) for each in references] == [0, 0, 1]


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Install a distribution with an approver: the body of a function of what is asked."""

    def installed(body: str) -> None:
        info = tmp_path / "site" / "acme_risk-1.0.dist-info"
        info.mkdir(parents=True)
        (info / "METADATA").write_text("Metadata-Version: 2.1\nName: acme-risk\nVersion: 1.0\n")
        (info / "entry_points.txt").write_text("[pedigree.approvers]\nacme = acme_risk:decide\n")
        code = f"def decide(asked):\n    {body}\n"
        (tmp_path / "site" / "acme_risk.py").write_text(code)
        monkeypatch.syspath_prepend(tmp_path / "site")
        monkeypatch.delitem(__import__("sys").modules, "acme_risk", raising=False)

    return installed


def test_a_registered_callable_approves_or_leaves_it_to_a_person(
    registry: Registry, tmp_path: Path, install: Callable[[str], None]
) -> None:
    install("return 'it is small' if asked.version.size < 5 else None")
    registry.set_policy("churn", policy_of(approvals=by(callable="acme")))
    large = candidate(registry, tmp_path, "a large one", risk_class="minimal")
    assert approve(registry) == []
    assert waits_for(registry, large) == ("1 approval",)
    small = candidate(registry, tmp_path, "b", risk_class="minimal")
    assert approve(registry) == [PRINCIPAL]
    (decision,) = registry.decisions(small)
    assert (decision.comment, decision.decided_by) == ("it is small", PRINCIPAL)


@pytest.mark.parametrize("body", ["return ''", "return True", "raise ValueError('broken')"])
def test_a_callable_that_fails_approves_nothing_and_stops_no_other_model(
    registry: Registry, tmp_path: Path, install: Callable[[str], None], body: str
) -> None:
    install(body)
    for name in ("churn", "spam"):
        rule = by(callable="acme") if name == "churn" else by(check="artifact_intact")
        registry.set_policy(name, policy_of(checks=[WARNING], approvals=rule))
        reference = candidate(registry, tmp_path, name, name=name, risk_class="minimal")
        registry.run_check(reference, "artifact_intact")
    Reconciler(registry).reconcile()
    assert registry.decisions("churn/1") == ()
    assert [each.decided_by for each in registry.decisions("spam/1")] == [PRINCIPAL]
    (event,) = registry.events(types=[EventType.MEMBER_FAILED])
    assert event.body["work"] == BackgroundWork.APPROVALS


def test_an_approver_that_is_not_installed_is_a_typed_failure(
    registry: Registry, tmp_path: Path
) -> None:
    registry.set_policy("churn", policy_of(approvals=by(callable="nowhere")))
    candidate(registry, tmp_path, risk_class="minimal")
    from pedigree.errors import MissingDependencyError

    with pytest.raises(MissingDependencyError, match="not installed in this process"):
        approve(registry)


def test_an_approval_is_of_the_state_that_the_callable_saw(
    registry: Registry, tmp_path: Path
) -> None:
    with_check(registry)
    reference = candidate(registry, tmp_path, risk_class="minimal")
    registry.run_check(reference, "artifact_intact")
    from pedigree.access.principal import Principal
    from pedigree.errors import GenerationConflictError
    from pedigree.lifecycle import approvals
    from pedigree.lifecycle.automatic_approvals import wanted_approvals

    (wanted,) = registry.database.read(lambda read: wanted_approvals(read, "churn"))
    registry.set_alias("churn", "best", 1)
    actor = Actor(name=PRINCIPAL, source="policy")
    judgement = approvals.DecisionInput(True, "fine", Principal(actor=actor), wanted.approver)
    with pytest.raises(GenerationConflictError):
        registry.database.transaction(
            lambda transaction: approvals.decide(
                transaction,
                wanted.asked.version,
                wanted.asked.stage,
                judgement,
                expected_generation=wanted.generation,
            )
        )


def test_a_request_that_waits_for_an_automatic_approval_is_performed(
    registry: Registry, tmp_path: Path
) -> None:
    rule = by(check="artifact_intact")
    registry.set_policy("churn", policy_of(checks=[WARNING], approvals=rule, automatic=False))
    reference = candidate(registry, tmp_path, risk_class="minimal")
    registry.run_check(reference, "artifact_intact")
    registry.request_stage(reference, "production", actor=EVE)
    Reconciler(registry).reconcile()
    assert registry.get(reference).stage == "production"
    held = registry.timeline("churn", "stage:production")[0]
    assert held.moved_by == EVE.name
