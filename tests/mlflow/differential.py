"""What of the comparison with MLflow's server takes too long for `make test-system`.

MLflow against MLflow finds nothing; and requests by hand, which `make test` compares with recorded
answers, are sent to both. It takes minutes: `make differential`.
"""

from itertools import chain

import pytest

from tests.mlflow.by_hand import requests_by_hand
from tests.mlflow.comparison import SideComparison
from tests.mlflow.scripted import script
from tests.mlflow.sides import Side, cleared
from tests.mlflow.test_differential import (
    Noted,
    differ_only_on_purpose,
    note,
    others,
    ours,
    theirs,
)
from tests.mlflow.walks import walk

__all__ = ["others", "ours", "theirs"]

pytestmark = [pytest.mark.system, pytest.mark.timeout(3600)]

STEPS = 500


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
