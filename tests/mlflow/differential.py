"""A real MLflow server and ours, asked the same.

MLflow against MLflow finds nothing, by a stock client, by hand and in a random walk, and faults
that a proxy plants are found. Ours, asked by hand, differs in nothing but what `docs/mlflow.md`
lists. It takes minutes: `make differential`.
"""

from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from pedigree.settings import Settings
from tests.mlflow.by_hand import requests_by_hand
from tests.mlflow.comparison import API, MODELS, SideComparison, forgiven
from tests.mlflow.faults import FAULTS, Fault, faulty
from tests.mlflow.scripted import script
from tests.mlflow.sides import (
    Sent,
    Side,
    driven,
    our_service,
    real_server,
    require_mlflow,
)
from tests.mlflow.walks import walk

pytestmark = pytest.mark.timeout(3600)

MOST_EXCUSED = 0.08


@pytest.fixture(scope="module")
def theirs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Side]:
    """MLflow's server, with a stock client."""
    require_mlflow()
    folder = tmp_path_factory.mktemp("mlflow")
    with real_server(folder) as url, driven(url, None) as side:
        yield side


@pytest.fixture(scope="module")
def others(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The URL of a second server of MLflow."""
    require_mlflow()
    with real_server(tmp_path_factory.mktemp("other")) as url:
        yield url


@pytest.fixture(scope="module")
def ours(settings: Settings) -> Iterator[Side]:
    """Our service, with a stock client."""
    with ExitStack() as stack:
        url, token = stack.enter_context(our_service(settings))
        yield stack.enter_context(driven(url, token))


def cleared(*sides: Side) -> None:
    """Delete all models."""
    for side in sides:
        for model in side.send(MODELS)["answer"].get("registered_models", []):
            path = f"{API}/registered-models/delete"
            side.send(Sent("DELETE", path, body={"name": model["name"]}))


def test_the_script_is_long_enough() -> None:
    assert len(list(script())) >= 300


def test_mlflow_against_mlflow_finds_nothing(theirs: Side, others: str) -> None:
    with driven(others, None) as other:
        cleared(theirs, other)
        comparison = SideComparison(theirs, other)
        for step in (*requests_by_hand(), *script(), *walk(0, 300)):
            comparison.do(step)
        assert comparison.found == []


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.name)
def test_a_planted_fault_is_found(theirs: Side, others: str, fault: Fault) -> None:
    with faulty(others, fault) as url:
        honest, other = Side(others, None), Side(url, None)
        cleared(theirs, honest)
        comparison = SideComparison(theirs, other)
        for step in walk(3, 120):
            comparison.do(step)
        assert comparison.found
        honest.close()
        other.close()


def test_requests_by_hand_differ_only_on_purpose(theirs: Side, ours: Side) -> None:
    cleared(theirs, ours)
    comparison = SideComparison(theirs, ours, forgiven())
    for step in requests_by_hand():
        comparison.do(step)
    assert comparison.found == []
    assert comparison.failed == []
    assert comparison.excused <= MOST_EXCUSED * comparison.compared, comparison.forgiven
