"""A stage request is fulfilled when its last gate passes."""

from pathlib import Path

import pytest

from pedigree.access.records import Permission
from pedigree.audit.event_types import EventType
from pedigree.audit.records import Actor
from pedigree.errors import (
    GateNotPassedError,
    GenerationConflictError,
    NotFoundError,
    NotPermittedError,
    TransitionNotAllowedError,
)
from pedigree.lifecycle.decision_records import StageRequest
from pedigree.lifecycle.records import Move, RetentionRule
from pedigree.maintenance.fsck_replay import check_replay
from pedigree.registry import Registry
from pedigree.registry.reconciler import Reconciler
from tests.factories import free_policy, register
from tests.identities import see
from tests.lifecycle.deciding import ANN, BEN, EVE, candidate, let_time_pass, policy_of


@pytest.fixture
def waiting(registry: Registry, tmp_path: Path) -> str:
    """A candidate that needs one approval, with a policy without automatic stages."""
    registry.set_policy("churn", policy_of(approvals={}, automatic=False))
    return candidate(registry, tmp_path)


def only_requests(registry: Registry, actor: Actor) -> Registry:
    """The registry as it is used by somebody who may request stages, and move no versions."""
    return registry.acting_as(actor, permissions={Permission.READ, Permission.REQUEST})


def ask(registry: Registry, reference: str, **more: object) -> StageRequest:
    asked = registry.request_stage(reference, "production", **{"actor": EVE, **more})
    assert isinstance(asked, StageRequest)
    return asked


def outcomes(registry: Registry) -> list[str | None]:
    assert check_replay(registry.database).examples == []
    rows = registry.database.fetch_all(
        "SELECT outcome FROM pedigree.stage_request ORDER BY request_id"
    )
    return [row["outcome"] for row in rows]


def test_a_request_waits_for_its_gates_and_the_approval_performs_it(
    registry: Registry, waiting: str
) -> None:
    asked = ask(registry, waiting, reason="better recall")
    assert (asked.waits_for, asked.outcome, asked.requested_by) == (("1 approval",), None, EVE.name)
    (event,) = registry.events(types=[EventType.VERSION_STAGE_REQUESTED])
    assert (event.actor, event.body["to"], event.body["reason"]) == (
        EVE,
        "production",
        "better recall",
    )
    assert event.body["waits_for"] == ["1 approval"]
    assert registry.stage_requests() == registry.stage_requests("churn") == (asked,)
    assert registry.explain(waiting, "production").requests == (asked,)
    assert registry.operations.stage_requests.perform_requests("churn") == ()

    registry.approve(waiting, "production", comment="looked at it", actor=ANN)
    assert registry.get(waiting).stage == "production"
    held = registry.timeline("churn", "stage:production")[0]
    assert (held.moved_by, held.reason) == (EVE.name, "better recall")
    assert registry.stage_requests() == ()
    assert outcomes(registry) == ["performed"]


def test_with_every_gate_passed_it_is_done_at_once(registry: Registry, tmp_path: Path) -> None:
    registry.set_policy("churn", free_policy())
    reference = register(registry, tmp_path)
    move = registry.request_stage(reference, "production")
    assert isinstance(move, Move)
    assert move.moved
    again = registry.request_stage(reference, "production")
    assert isinstance(again, Move)
    assert not again.moved
    assert outcomes(registry) == []


def test_a_plain_transition_that_is_refused_writes_nothing(
    registry: Registry, waiting: str
) -> None:
    before = registry.events()
    with pytest.raises(GateNotPassedError):
        registry.promote(waiting, "production")
    for stage, error in (
        ("nirvana", TransitionNotAllowedError),
        ("none", TransitionNotAllowedError),
    ):
        with pytest.raises(error):
            registry.request_stage(waiting, stage)
    with pytest.raises(GenerationConflictError):
        registry.request_stage(waiting, "production", expected_generation=0)
    assert registry.events() == before
    assert outcomes(registry) == []


def test_a_repeated_request_is_one_and_two_people_have_two(
    registry: Registry, waiting: str
) -> None:
    first = ask(registry, waiting)
    assert ask(registry, waiting, reason="again") == first
    second = ask(registry, waiting, actor=BEN)
    assert registry.stage_requests(limit=1) == (first,)
    assert registry.stage_requests(after=first.request_id) == (second,)
    registry.approve(waiting, "production", comment="fine", actor=ANN)
    assert outcomes(registry) == ["performed", "performed"]


def test_a_verdict_performs_it_too(registry: Registry, tmp_path: Path) -> None:
    registry.set_policy("churn", policy_of(checks=["signature_compatible"], automatic=False))
    reference = candidate(registry, tmp_path)
    ask(registry, reference)
    registry.run_check(reference, "signature_compatible")
    assert registry.get(reference).stage == "production"


def test_gates_that_pass_by_time_or_metadata_are_found_at_the_next_evaluation(
    registry: Registry, tmp_path: Path
) -> None:
    rules = {"soak": "2d", "metadata": ["owners"], "automatic": False}
    registry.set_policy("churn", policy_of(**rules))
    reference = candidate(registry, tmp_path)
    upkeep = Reconciler(registry)
    ask(registry, reference)
    assert not upkeep.reconcile().moves
    let_time_pass(registry, reference, days=3)
    assert registry.operations.stage_requests.names_with_requests(()) == ("churn",)
    assert not upkeep.reconcile().moves
    assert registry.operations.stage_requests.names_with_requests(()) == ()
    assert registry.stage_requests()[0].waits_for == ("metadata owners",)
    registry.update(reference, owners=["ann"])
    assert len(upkeep.reconcile().moves) == 1
    assert registry.get(reference).stage == "production"
    # who asked is who moved it, though the service did it
    assert registry.timeline("churn", "stage:production")[0].moved_by == EVE.name


def test_actions_of_the_service_have_the_service_as_actor(
    registry: Registry, tmp_path: Path
) -> None:
    registry.set_policy("churn", policy_of(metadata=["owners"], checks=["signature_compatible"]))
    reference = candidate(registry, tmp_path)
    ask(registry, reference)
    registry.set_policy("churn", policy_of(metadata=["owners"], checks=["artifact_intact"]))
    Reconciler(registry).reconcile()
    by = {verdict.check: verdict.recorded_by for verdict in registry.verdicts(reference)}
    assert by["artifact_intact"] == "service:reconciler"


def test_a_requester_without_permission_needs_an_approver(
    registry: Registry, tmp_path: Path
) -> None:
    registry.set_policy("churn", policy_of(checks=["signature_compatible"], automatic=False))
    reference = candidate(registry, tmp_path)
    asked = ask(only_requests(registry, EVE), reference)
    assert any("somebody who may promote" in each for each in asked.waits_for)
    registry.run_check(reference, "signature_compatible")
    assert registry.get(reference).stage == "candidate"
    registry.approve(reference, "production", comment="mine", actor=EVE)
    assert registry.get(reference).stage == "candidate"
    registry.approve(reference, "production", comment="fine", actor=ANN)
    assert registry.get(reference).stage == "production"


def test_a_second_identity_of_the_requester_is_no_approver_for_them(
    registry: Registry, tmp_path: Path
) -> None:
    registry.set_policy("churn", policy_of(automatic=False))
    reference = candidate(registry, tmp_path)
    ask(only_requests(registry, EVE), reference)
    for actor in (BEN, EVE):
        see(registry, actor.name)
    registry.acting_as(ANN).link_person(BEN.name, person=EVE.name)
    registry.approve(reference, "production", comment="mine", actor=BEN)
    assert registry.get(reference).stage == "candidate"
    registry.approve(reference, "production", comment="fine", actor=ANN)
    assert registry.get(reference).stage == "production"


def test_those_who_may_promote_can_be_asked(registry: Registry, tmp_path: Path) -> None:
    registry.set_policy("churn", policy_of(promoters=["ann@*"], automatic=False))
    reference = candidate(registry, tmp_path)
    assert "ann@*" in ask(registry, reference).waits_for[0]
    registry.approve(reference, "production", comment="fine", actor=BEN)
    assert registry.get(reference).stage == "candidate"
    registry.approve(reference, "production", comment="fine", actor=ANN)
    assert registry.get(reference).stage == "production"


def test_a_request_is_withdrawn_by_people_who_may(registry: Registry, waiting: str) -> None:
    ask(registry, waiting)
    ask(registry, waiting, actor=BEN)
    with pytest.raises(NotPermittedError, match="other people requested"):
        only_requests(registry, ANN).withdraw_request(waiting, "production")
    (mine,) = only_requests(registry, BEN).withdraw_request(waiting, "production")
    assert (mine.requested_by, mine.outcome, mine.closed_by) == (BEN.name, "withdrawn", BEN.name)
    (other,) = registry.withdraw_request(waiting, "production", reason="no need", actor=ANN)
    assert other.requested_by == EVE.name
    with pytest.raises(NotFoundError, match="no open request"):
        registry.withdraw_request(waiting, "production")
    events = registry.events(types=[EventType.VERSION_REQUEST_WITHDRAWN])
    assert [event.body["reason"] for event in events] == [None, "no need"]
    registry.approve(waiting, "production", comment="fine", actor=ANN)
    assert registry.get(waiting).stage == "candidate"
    assert outcomes(registry) == ["withdrawn", "withdrawn"]


def test_a_request_ends_with_what_makes_it_moot(registry: Registry, waiting: str) -> None:
    ask(registry, waiting)
    registry.reject(waiting, "production", comment="recall fell", actor=ANN)
    ask(registry, waiting)
    registry.promote(waiting, "archived")
    ask(registry, waiting)
    registry.delete(waiting, reason="tidy up")
    assert outcomes(registry) == ["rejected", "superseded", "deleted"]


def test_quarantine_and_another_policy_leave_it_open(registry: Registry, waiting: str) -> None:
    ask(registry, waiting)
    registry.quarantine_version(waiting, reason="wrong labels")
    registry.approve(waiting, "production", comment="fine", actor=ANN)
    (asked,) = registry.stage_requests()
    assert asked.waits_for == ("release from quarantine: wrong labels",)
    registry.release_version(waiting)
    stages = [rule for rule in policy_of().stages if rule.name != "production"]
    stages[-1] = stages[-1].model_copy(update={"after": ("candidate",)})
    registry.set_policy("churn", policy_of().model_copy(update={"stages": tuple(stages)}))
    assert registry.operations.stage_requests.perform_requests("churn") == ()
    assert registry.stage_requests()[0].waits_for == ("a policy with the stage production",)
    registry.set_policy("churn", policy_of(automatic=False))
    assert [
        move.version_id for move in registry.operations.stage_requests.perform_requests("churn")
    ] == [1]


def test_what_a_stage_is_asked_for_is_not_archived(registry: Registry, tmp_path: Path) -> None:
    registry.set_policy("churn", free_policy(RetentionRule(keep_production=1)))
    for content in "abc":
        registry.promote(register(registry, tmp_path, content), "production")

    def planned() -> list[str]:
        with registry.plan_gc() as plan:
            return [str(item.version_id) for item in plan if item.kind == "tier"]

    assert planned() == ["1"]
    policy = free_policy(RetentionRule(keep_production=1))
    stages = [
        rule.model_copy(update={"metadata": ("risk_class",)}) if rule.name == "staging" else rule
        for rule in policy.stages
    ]
    stages = [
        rule.model_copy(update={"after": (*rule.after, "archived")})
        if rule.name == "staging"
        else rule
        for rule in stages
    ]
    registry.set_policy("churn", policy.model_copy(update={"stages": tuple(stages)}))
    registry.request_stage("churn/1", "staging")
    assert planned() == []
    registry.withdraw_request("churn/1", "staging")
    assert planned() == ["1"]
