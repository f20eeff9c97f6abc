"""Decisions, overrides and requests of all models, the newest first; and what was held on a day."""

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from pedigree.access.grants import Effect, Grant
from pedigree.access.principal import Principal
from pedigree.errors import InvalidInputError, ModelNotFoundError
from pedigree.lifecycle import recent
from pedigree.lifecycle.approval_rules import ApprovalRule
from pedigree.lifecycle.decision_records import RequestOutcome
from pedigree.registry import Registry, registry_in
from tests.factories import free_policy, register
from tests.lifecycle.deciding import ANN, BEN, EVE, candidate, policy_of

MODELS = ("churn", "fraud", "hidden")


@pytest.fixture
def decided(registry: Registry, tmp_path: Path) -> Registry:
    """Three models, each with two versions: one is approved for production, one rejected."""
    for name in MODELS:
        registry.create_model(name)
        registry.set_policy(name, policy_of(approvals=ApprovalRule(needed=2)))
        for content in ("a", "b"):
            reference = candidate(registry, tmp_path, content, name=name)
            registry.acting_as(ANN).request_stage(reference, "production", reason="better")
        registry.acting_as(BEN).approve(f"{name}/1", "production", comment="good")
        registry.acting_as(EVE).reject(f"{name}/2", "production", comment="bad")
    return registry


def limited_of(registry: Registry) -> Registry:
    grants = (Grant(), Grant(effect=Effect.DENY, models=("hidden",)))
    return registry_in(registry.context.used_by(Principal(actor=ANN, grants=grants)))


def walked(read: Callable[..., recent.RecentPage[Any]], **asked: Any) -> list[Any]:
    found: list[Any] = []
    before: int | None = None
    while True:
        page = read(limit=2, before=before, **asked)
        assert len(page.records) <= 2
        found += page.records
        if page.older is None:
            return found
        before = page.older


@pytest.fixture(params=[1, recent.MOST_READ])
def bounded(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """A page covers few numbers, or many."""
    for read in (recent.recent_decisions, recent.recent_overrides, recent.recent_requests):
        known = {**read.__kwdefaults__, "most_read": request.param}
        monkeypatch.setattr(read, "__kwdefaults__", known)


@pytest.mark.usefixtures("bounded")
def test_decisions_of_all_models_come_newest_first(decided: Registry) -> None:
    expected = [
        (name, decision)
        for name in reversed(MODELS)
        for number in (2, 1)
        for decision in decided.decisions(f"{name}/{number}")
    ]
    activity = decided.operations.activity
    assert walked(activity.recent_decisions) == expected
    assert walked(activity.recent_decisions, by=EVE.name) == [
        each for each in expected if each[1].decided_by == EVE.name
    ]
    assert walked(activity.recent_decisions, by="nobody") == []


@pytest.mark.usefixtures("bounded")
def test_requests_of_a_person_have_their_outcomes(decided: Registry) -> None:
    found = walked(lambda **page: decided.operations.activity.requests_of(ANN.name, **page))
    assert [(each.model_name, each.version_id, each.outcome) for each in found] == [
        (name, number, RequestOutcome.REJECTED if number == 2 else None)
        for name in reversed(MODELS)
        for number in (2, 1)
    ]
    assert walked(lambda **page: decided.operations.activity.requests_of("ben", **page)) == []


@pytest.mark.usefixtures("bounded")
def test_overrides_of_all_models_come_newest_first(decided: Registry) -> None:
    for name in MODELS:
        decided.acting_as(BEN).override(f"{name}/1", "production", reason=f"at once {name}")
    found = walked(decided.operations.activity.recent_overrides)
    assert [(each.model_name, each.override.reason) for each in found] == [
        (name, f"at once {name}") for name in reversed(MODELS)
    ]


@pytest.mark.usefixtures("bounded")
def test_what_is_about_hidden_models_is_nowhere(decided: Registry) -> None:
    for name in MODELS:
        decided.acting_as(BEN).override(f"{name}/1", "production", reason="at once")
    activity = limited_of(decided).operations.activity
    for records in (
        walked(activity.recent_decisions),
        walked(activity.recent_overrides),
        walked(lambda **page: activity.requests_of(ANN.name, **page)),
    ):
        assert {each.model_name for each in records} == {"churn", "fraud"}


def test_a_deleted_model_is_not_among_them(decided: Registry) -> None:
    decided.delete_model("fraud", reason="not used")
    found = walked(decided.operations.activity.recent_decisions)
    assert {each.model_name for each in found} == {"churn", "hidden"}


def test_a_period_has_all_that_was_held_at_any_time_of_it(
    registry: Registry, tmp_path: Path
) -> None:
    registry.create_model("churn")
    registry.set_policy("churn", free_policy())
    for content in ("a", "b", "c"):
        reference = register(registry, tmp_path, content)
        registry.promote(reference, "staging")
        registry.promote(reference, "production", reason=content)
        registry.set_alias("churn", "best", int(reference[-1]))
    every = registry.timeline("churn")
    times = sorted({each.since for each in every} | {each.until for each in every if each.until})
    instant = timedelta(microseconds=1)
    for since in (times[0] - instant, *times):
        for until in (*times, times[-1] + instant):
            if until <= since:
                continue
            expected = {
                each.tenure_id
                for each in every
                if each.since < until and (each.until is None or each.until >= since)
            }
            found = registry.operations.activity.held_within("churn", since, until)
            assert {each.tenure_id for each in found} == expected
            pointers = [each.pointer for each in found]
            assert pointers == sorted(pointers, key=lambda name: (name[0] != "s", name))
    assert len(registry.operations.activity.held_within("churn", times[0], times[-1], limit=2)) == 2


def test_a_period_needs_a_model_and_time_zones(registry: Registry) -> None:
    registry.create_model("churn")
    now = registry.model("churn").created_at
    with pytest.raises(InvalidInputError, match="since"):
        registry.operations.activity.held_within("churn", now.replace(tzinfo=None), now)
    with pytest.raises(ModelNotFoundError):
        registry.operations.activity.held_within("fraud", now, now)
