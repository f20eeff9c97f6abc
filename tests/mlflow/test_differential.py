"""A real MLflow server and ours, asked the same by the same stock client and in random walks.

Ours differs in nothing but what `docs/mlflow.md` lists. `make test-system` walks few steps of each
seed, `make differential` all of them, and runs `differential.py` as well.
"""

import os
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from pedigree.settings import Settings
from tests.databases import Databases
from tests.mlflow.comparison import SideComparison, forgiven
from tests.mlflow.scripted import load_path, script
from tests.mlflow.sides import (
    Call,
    Sent,
    Side,
    cleared,
    driven,
    our_service,
    real_side,
)
from tests.mlflow.version_numbers import NumbersThatGoOn
from tests.mlflow.walks import walk

pytestmark = [
    pytest.mark.system,
    pytest.mark.timeout(3600),
    pytest.mark.xdist_group("differential"),
]

SEEDS = range(20)
STEPS = int(os.environ.get("MLFLOW_WALK_STEPS", "20"))
"""How long a walk is; `make differential` walks 2,000 steps."""

MOST_EXCUSED = 0.08
Noted = Callable[[str, object], None]


@pytest.fixture(scope="module")
def theirs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Side]:
    """MLflow's server, with a stock client."""
    with real_side(tmp_path_factory.mktemp("mlflow")) as side:
        yield side


@pytest.fixture(scope="module")
def ours(settings: Settings) -> Iterator[Side]:
    """Our service, with a stock client."""
    with ExitStack() as stack:
        url, token = stack.enter_context(our_service(settings))
        yield stack.enter_context(driven(url, token))


def test_the_script_is_long_enough() -> None:
    assert len(list(script())) >= 300


def test_calls_of_the_script_differ_only_on_purpose(
    theirs: Side, ours: Side, record_property: Noted
) -> None:
    differ_only_on_purpose(theirs, ours, script(), record_property)


@pytest.mark.parametrize("seed", SEEDS)
def test_a_random_walk_differs_only_on_purpose(
    theirs: Side, ours: Side, seed: int, record_property: Noted
) -> None:
    differ_only_on_purpose(theirs, ours, walk(seed, STEPS), record_property)


def test_a_logged_model_is_registered_and_loaded_alike(
    theirs: Side, databases: Databases, tmp_path: Path
) -> None:
    """Both registries name the model that one tracking server has, and ours has its bytes."""
    logged = theirs.call(Call("logged_model", {}))["returned"]
    with databases.lend() as make, ExitStack() as stack:
        settings = Settings(home=tmp_path / "home", database_url=make(), mlflow_upstream=theirs.url)
        url, token = stack.enter_context(our_service(settings))
        ours = stack.enter_context(driven(url, token, theirs.url))
        cleared(theirs, ours)
        comparison = stack.enter_context(SideComparison(theirs, ours, forgiven()))
        for step in load_path(**logged):
            comparison.do_without_exchanges(step)
    assert comparison.found == [], "\n".join(comparison.found)


def differ_only_on_purpose(
    theirs: Side, ours: Side, steps: Iterable[Sent | Call], record_property: Noted
) -> None:
    """Do some steps, and require that nothing differs that is not listed."""
    cleared(theirs, ours)
    with SideComparison(theirs, ours, forgiven(), NumbersThatGoOn()) as comparison:
        for step in steps:
            comparison.do(step)
    note(comparison, record_property)
    assert comparison.found == [], "\n".join(comparison.found)
    assert comparison.failed == []
    assert comparison.share <= MOST_EXCUSED, comparison.forgiven


def note(comparison: SideComparison, record_property: Noted) -> None:
    """Keep what was counted, for a report by `--junit-xml`."""
    record_property("steps", comparison.steps)
    record_property("comparisons", comparison.compared)
    record_property("excused", comparison.excused)
    for name, times in sorted(comparison.forgiven.items()):
        record_property(name, times)
