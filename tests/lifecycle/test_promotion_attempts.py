"""A given-up promotion stays given up while the version's state is unchanged."""

from pathlib import Path

import pytest

from pedigree.access.reserved import PROMOTION_SENSOR
from pedigree.errors import NotFoundError
from pedigree.lifecycle.gates import ATTEMPTS
from pedigree.registry import Registry
from tests.lifecycle.deciding import ANN, candidate, policy_of


@pytest.fixture
def given_up(registry: Registry, tmp_path: Path) -> str:
    """A version whose promotion the sensor gave up."""
    registry.set_policy("churn", policy_of())
    reference = candidate(registry, tmp_path)
    give_up(registry)
    return reference


def give_up(registry: Registry) -> bool:
    due = registry.operations.promotions.evaluate_candidates("churn").due
    assert due is not None
    return registry.operations.promotions.give_up_promotion(
        due, attempts=3, run_id="run-3", problem="no luck", actor=PROMOTION_SENSOR
    )


def gates(registry: Registry, reference: str, *, automatic: bool = True) -> set[str]:
    found = registry.explain(reference, "production", automatic=automatic)
    return {gate.name for gate in found.gates if not gate.passed}


def test_it_is_no_longer_due_and_a_person_may_still_promote(
    registry: Registry, given_up: str
) -> None:
    assert registry.operations.promotions.evaluate_candidates("churn").due is None
    assert gates(registry, given_up) == {ATTEMPTS}
    assert gates(registry, given_up, automatic=False) == set()
    assert registry.promote(given_up, "production").moved


def test_an_older_version_does_not_take_its_place(
    registry: Registry, tmp_path: Path, given_up: str
) -> None:
    second = candidate(registry, tmp_path, "b")
    give_up(registry)
    assert registry.explain(second, "production").given_up is not None
    # the state of the first changed with the second, and it is still not promoted instead of it
    assert registry.operations.promotions.evaluate_candidates("churn").due is None


def test_other_evidence_or_another_policy_is_a_reason_to_try_again(
    registry: Registry, given_up: str
) -> None:
    registry.run_check(given_up, "metadata_complete")
    assert registry.operations.promotions.evaluate_candidates("churn").due is not None
    assert registry.explain(given_up, "production").given_up is None
    assert give_up(registry)
    registry.set_policy("churn", policy_of(metadata=["description"]))
    assert registry.explain(given_up, "production").given_up is None


def test_a_person_requests_a_retry_with_new_attempts(registry: Registry, given_up: str) -> None:
    answer = registry.retry_promotion(given_up, "production", reason="it is up again", actor=ANN)
    assert (answer.attempts, answer.problem, answer.retried_by) == (3, "no luck", ANN.name)
    due = registry.operations.promotions.evaluate_candidates("churn").due
    assert due is not None
    assert due.retries == 1
    with pytest.raises(NotFoundError, match="given up no promotion"):
        registry.retry_promotion(given_up, "production")
    assert give_up(registry)
    assert registry.operations.promotions.evaluate_candidates("churn").due is None


def test_it_is_recorded_once_for_each_state(registry: Registry, given_up: str) -> None:
    registry.retry_promotion(given_up, "production")
    due = registry.operations.promotions.evaluate_candidates("churn").due
    assert due is not None
    again = [
        registry.operations.promotions.give_up_promotion(
            due, attempts=3, run_id=run, problem="no luck"
        )
        for run in ("run-6", "run-7")
    ]
    assert again == [True, False]
