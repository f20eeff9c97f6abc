"""What of the comparison with MLflow's server takes too long for `make test-system`.

MLflow against MLflow finds nothing, and faults that a proxy plants are found. Requests by hand,
which `make test` compares with recorded answers, are sent to both. It takes minutes:
`make differential`.
"""

from collections.abc import Iterator
from contextlib import ExitStack
from itertools import chain

import pytest

from tests.mlflow.by_hand import requests_by_hand
from tests.mlflow.comparison import SideComparison
from tests.mlflow.faults import FAULTS, Fault, faulty
from tests.mlflow.scripted import script
from tests.mlflow.sides import RememberedSide, Side, cleared, real_side
from tests.mlflow.test_differential import Noted, differ_only_on_purpose, note, ours, theirs
from tests.mlflow.walks import walk

__all__ = ["ours", "theirs"]

pytestmark = [pytest.mark.system, pytest.mark.timeout(3600)]

STEPS = 500
FAULTY_WALK = tuple(walk(319, 150))


@pytest.fixture(scope="module")
def others(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Side]:
    """A second server of MLflow, with a stock client."""
    with real_side(tmp_path_factory.mktemp("other")) as side:
        yield side


@pytest.fixture(scope="module")
def honest(theirs: Side, others: Side) -> Iterator[RememberedSide]:
    """What an MLflow server answers in a walk, in which another one does not differ."""
    cleared(theirs, others)
    remembered = RememberedSide(theirs)
    with SideComparison(remembered, others) as comparison:
        for step in FAULTY_WALK:
            comparison.do(step)
    assert comparison.found == [], "\n".join(comparison.found)
    yield remembered
    remembered.close()


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.name)
def test_a_planted_fault_is_found(honest: RememberedSide, others: Side, fault: Fault) -> None:
    cleared(others)
    with ExitStack() as stack:
        wrong = Side(stack.enter_context(faulty(others.url, fault)), None)
        stack.callback(wrong.close)
        comparison = stack.enter_context(SideComparison(honest.from_start(), wrong))
        for step in FAULTY_WALK:
            comparison.do(step)
            if comparison.found:
                break
    assert comparison.found


def test_mlflow_against_mlflow_finds_nothing(
    theirs: Side,
    others: Side,
    record_property: Noted,
) -> None:
    cleared(theirs, others)
    with SideComparison(theirs, others) as comparison:
        for step in chain(requests_by_hand(), script(), walk(0, STEPS), walk(1, STEPS)):
            comparison.do(step)
    note(comparison, record_property)
    assert comparison.found == [], "\n".join(comparison.found)


def test_requests_by_hand_differ_only_on_purpose(
    theirs: Side,
    ours: Side,
    record_property: Noted,
) -> None:
    differ_only_on_purpose(theirs, ours, requests_by_hand(), record_property)
