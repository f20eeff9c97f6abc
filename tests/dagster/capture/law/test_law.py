"""The law of lineage: what is recorded is a superset of what is true, and certain only if true.

Random asset graphs live through random histories on a real instance, and what the registry says of
each version is compared with what the bodies have truly read. `report.py` prints the same for more
graphs, or for one seed.
"""

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from tests.dagster.capture.law.examine import examine
from tests.dagster.capture.law.happenings import HAPPENINGS
from tests.dagster.capture.law.laboratory import Laboratory
from tests.dagster.capture.law.plans import Hook
from tests.dagster.capture.law.tally import Tally, distinct, loaded

SEEDS = st.integers(0, 2**31)
# Of what an IO manager loads; without the hook where definitions are unchanged and data versions
# are distinct.
EXACT = {Hook.ON: 0.99, Hook.OFF: 0.9}


def hold(laboratory: Laboratory, graphs: int, hook: Hook) -> Tally:
    """Examine random graphs; the first that breaks the law ends it, with its whole history."""
    tally = Tally()

    # Each example takes seconds, so that hypothesis could not shrink one; its seed repeats it.
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
    def law(seed: int) -> None:
        found = examine(laboratory, seed, hook)
        tally.add(found)
        if found.findings:
            pytest.fail(found.report(), pytrace=False)

    law()
    assert tally.graphs >= graphs
    assert tally.versions >= graphs
    return tally


def promised(tally: Tally, hook: Hook) -> None:
    """Hold the share that is promised of what is recorded exactly."""
    share = tally.exact(loaded if hook is Hook.ON else distinct)
    assert share.whole, "no edge of the kind that the share is of"
    assert share.value >= EXACT[hook], "\n".join(tally.lines())


def several(*graphs: int) -> pytest.MarkDecorator:
    """Give the numbers of graphs with the hook, without, and where it is adopted later."""
    pairs = list(zip([Hook.ON, Hook.OFF, Hook.LATER], graphs, strict=True))
    ids = [f"hook {hook.value}" for hook, _ in pairs]
    return pytest.mark.parametrize(("hook", "graphs"), pairs, ids=ids)


@pytest.mark.timeout(600)
@several(3, 3, 2)
def test_recorded_lineage_is_true(laboratory: Laboratory, graphs: int, hook: Hook) -> None:
    tally = hold(laboratory, graphs, hook)
    if hook is Hook.ON:
        promised(tally, hook)


@pytest.mark.system
@pytest.mark.timeout(7200)
@several(140, 100, 60)
def test_recorded_lineage_is_true_of_many_graphs(
    laboratory: Laboratory, graphs: int, hook: Hook
) -> None:
    tally = hold(laboratory, graphs, hook)
    assert tally.done >= HAPPENINGS | {"train"}
    if hook in EXACT:
        promised(tally, hook)


@pytest.mark.system
@pytest.mark.timeout(3600)
@several(14, 10, 6)
def test_recorded_lineage_is_true_on_postgres(
    postgres_laboratory: Laboratory, graphs: int, hook: Hook
) -> None:
    tally = hold(postgres_laboratory, graphs, hook)
    if hook is Hook.ON:
        promised(tally, hook)
