"""Recorded lineage is a superset of the true lineage, and certain edges are true.

Random asset graphs go through random histories on a real instance. The registry's lineage of each
version is compared with what the bodies actually read. `report.py` prints the same for more graphs,
or for one seed.
"""

from collections.abc import Iterable
from functools import cache

import pytest
from hypothesis import Phase, given, settings
from hypothesis import seed as fixed
from hypothesis import strategies as st

from tests.dagster.capture.random_graphs.environment import Environment
from tests.dagster.capture.random_graphs.examine import examine
from tests.dagster.capture.random_graphs.parts import Parts, counts, shared_folder
from tests.dagster.capture.random_graphs.plans import Hook
from tests.dagster.capture.random_graphs.random_events import EVENT_KINDS
from tests.dagster.capture.random_graphs.statistics import Share, Statistics, distinct, loaded

SEEDS = st.integers(0, 2**31)
# By default hypothesis derives this number from the text of a function, and an edit of that text
# would choose other graphs.
CHOICES = int(
    "d06c8f82347a09988024656e12c0644c883fe878a10fd186"
    "f8b603edb968ff2880d1ff4e87ac70856be385a210c548ce",
    16,
)
# Minimum shares of exact edges among those that an IO manager loads; without the hook, only with
# unchanged definitions and distinct data versions.
EXACT = {Hook.ON: 0.99, Hook.OFF: 0.9}
# The graphs of each law over many, and the parts in which workers run them at the same time.
MANY = {Hook.ON: (140, 4), Hook.OFF: (100, 3), Hook.LATER: (60, 2)}


@cache
def drawn(graphs: int) -> tuple[int, ...]:
    """Return the seeds of some graphs, which are the same in each run."""
    found: list[int] = []

    @fixed(CHOICES)
    @settings(max_examples=graphs, database=None, phases=[Phase.generate])
    @given(seed=SEEDS)
    def draw(seed: int) -> None:
        found.append(seed)

    draw()
    assert len(set(found)) == graphs
    return tuple(found)


def check_graphs(environment: Environment, seeds: Iterable[int], hook: Hook) -> Statistics:
    """Examine random graphs; stop at the first violation, and print its whole history."""
    statistics = Statistics()
    for seed in seeds:
        found = examine(environment, seed, hook)
        statistics.add(found)
        if found.findings:
            pytest.fail(found.report(), pytrace=False)
    assert statistics.versions >= statistics.graphs > 0
    return statistics


def share_of(statistics: Statistics, hook: Hook) -> Share:
    """Return the share of exactly recorded edges."""
    return statistics.exact(loaded if hook is Hook.ON else distinct)


def check_share(share: Share, hook: Hook) -> None:
    """Check the minimum share of exactly recorded edges."""
    assert share.whole, "no edge of the kind of the share"
    assert share.value >= EXACT[hook], str(share)


def several(*graphs: int) -> pytest.MarkDecorator:
    """Return the numbers of graphs with the hook, without it, and with it added later."""
    pairs = list(zip([Hook.ON, Hook.OFF, Hook.LATER], graphs, strict=True))
    ids = [f"hook {hook.value}" for hook, _ in pairs]
    return pytest.mark.parametrize(("hook", "graphs"), pairs, ids=ids)


@pytest.mark.timeout(600)
@several(5, 4, 2)
def test_recorded_lineage_is_true(environment: Environment, graphs: int, hook: Hook) -> None:
    statistics = check_graphs(environment, drawn(graphs), hook)
    if hook is Hook.ON:
        check_share(share_of(statistics, hook), hook)


@pytest.mark.system
@pytest.mark.timeout(3600)
@pytest.mark.parametrize(
    ("hook", "part"),
    [
        pytest.param(hook, part, id=f"hook {hook.value}, part {part + 1} of {parts}")
        for hook, (_, parts) in MANY.items()
        for part in range(parts)
    ],
)
def test_recorded_lineage_is_true_of_many_graphs(
    environment: Environment, hook: Hook, part: int, tmp_path_factory: pytest.TempPathFactory
) -> None:
    graphs, number = MANY[hook]
    parts = Parts(shared_folder(tmp_path_factory) / f"graphs, hook {hook.value}", number)
    statistics = check_graphs(environment, drawn(graphs)[part::number], hook)
    all_graphs = parts.add(part, counts(statistics, share_of(statistics, hook)))
    if all_graphs is None:
        return  # the part that ends last checks the sum
    assert all_graphs.graphs == graphs
    assert set(all_graphs.done) >= EVENT_KINDS | {"train"}
    if hook in EXACT:
        check_share(all_graphs.share, hook)


@pytest.mark.system
@pytest.mark.timeout(3600)
@several(14, 10, 6)
def test_recorded_lineage_is_true_on_postgres(
    postgres_environment: Environment, graphs: int, hook: Hook
) -> None:
    statistics = check_graphs(postgres_environment, drawn(graphs), hook)
    if hook is Hook.ON:
        check_share(share_of(statistics, hook), hook)
