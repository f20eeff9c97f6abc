"""Recorded lineage is a superset of the true lineage, and certain edges are true.

Random asset graphs go through random histories on a real instance. The registry's lineage of each
version is compared with what the bodies actually read. `report.py` prints the same for more graphs,
or for one seed.
"""

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from tests.dagster.capture.random_graphs.environment import Environment
from tests.dagster.capture.random_graphs.examine import examine
from tests.dagster.capture.random_graphs.plans import Hook
from tests.dagster.capture.random_graphs.random_events import EVENT_KINDS
from tests.dagster.capture.random_graphs.statistics import Statistics, distinct, loaded

SEEDS = st.integers(0, 2**31)
# Minimum shares of exact edges among those that an IO manager loads; without the hook, only with
# unchanged definitions and distinct data versions.
EXACT = {Hook.ON: 0.99, Hook.OFF: 0.9}


def check_graphs(environment: Environment, graphs: int, hook: Hook) -> Statistics:
    """Examine random graphs; stop at the first violation, and print its whole history."""
    statistics = Statistics()

    # Each example takes seconds, so hypothesis cannot shrink one; its seed reproduces it.
    @settings(
        max_examples=graphs,
        derandomize=True,
        database=None,
        deadline=None,
        phases=[Phase.generate],
        report_multiple_bugs=False,
        suppress_health_check=list(HealthCheck),
    )
    @given(seed=SEEDS)
    def examine_one(seed: int) -> None:
        found = examine(environment, seed, hook)
        statistics.add(found)
        if found.findings:
            pytest.fail(found.report(), pytrace=False)

    examine_one()
    assert statistics.graphs >= graphs
    assert statistics.versions >= graphs
    return statistics


def check_share(statistics: Statistics, hook: Hook) -> None:
    """Check the minimum share of exactly recorded edges."""
    share = statistics.exact(loaded if hook is Hook.ON else distinct)
    assert share.whole, "no edge of the kind of the share"
    assert share.value >= EXACT[hook], "\n".join(statistics.lines())


def several(*graphs: int) -> pytest.MarkDecorator:
    """Return the numbers of graphs with the hook, without it, and with it added later."""
    pairs = list(zip([Hook.ON, Hook.OFF, Hook.LATER], graphs, strict=True))
    ids = [f"hook {hook.value}" for hook, _ in pairs]
    return pytest.mark.parametrize(("hook", "graphs"), pairs, ids=ids)


@pytest.mark.timeout(600)
@several(8, 8, 4)
def test_recorded_lineage_is_true(environment: Environment, graphs: int, hook: Hook) -> None:
    statistics = check_graphs(environment, graphs, hook)
    if hook is Hook.ON:
        check_share(statistics, hook)


@pytest.mark.system
@pytest.mark.timeout(7200)
@several(140, 100, 60)
def test_recorded_lineage_is_true_of_many_graphs(
    environment: Environment, graphs: int, hook: Hook
) -> None:
    statistics = check_graphs(environment, graphs, hook)
    assert statistics.done >= EVENT_KINDS | {"train"}
    if hook in EXACT:
        check_share(statistics, hook)


@pytest.mark.system
@pytest.mark.timeout(3600)
@several(14, 10, 6)
def test_recorded_lineage_is_true_on_postgres(
    postgres_environment: Environment, graphs: int, hook: Hook
) -> None:
    statistics = check_graphs(postgres_environment, graphs, hook)
    if hook is Hook.ON:
        check_share(statistics, hook)
