"""The law of lineage: what is recorded is a superset of what is true, and certain only if true.

Random asset graphs live through random histories on a real instance, and what the registry says of
each version is compared with what the bodies have truly read. `report.py` prints the same for more
graphs, or for one seed.
"""

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from tests.dagster.law.examine import examine
from tests.dagster.law.laboratory import Laboratory
from tests.dagster.law.tally import Tally, distinct, loaded

SEEDS = st.integers(0, 2**31)
EXACT_WITH_HOOK = 0.99
EXACT_WITHOUT_HOOK = 0.9


def hold(laboratory: Laboratory, graphs: int, *, hook: bool) -> Tally:
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
        found = examine(laboratory, seed, hook=hook)
        tally.add(found)
        assert not found.findings, found.report()

    law()
    assert tally.graphs >= graphs
    assert tally.versions >= graphs
    return tally


def is_exact_enough(tally: Tally, *, hook: bool) -> None:
    """Hold the shares that are promised."""
    share = tally.exact(loaded if hook else distinct)
    assert share.whole, "no edge of the kind that the share is of"
    assert share.value >= (EXACT_WITH_HOOK if hook else EXACT_WITHOUT_HOOK), "\n".join(
        tally.lines()
    )


@pytest.mark.parametrize("hook", [True, False], ids=["with the hook", "without the hook"])
def test_recorded_lineage_is_true(laboratory: Laboratory, hook: bool) -> None:
    is_exact_enough(hold(laboratory, 10, hook=hook), hook=hook)


@pytest.mark.system
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("hook", [True, False], ids=["with the hook", "without the hook"])
def test_recorded_lineage_is_true_of_many_graphs(laboratory: Laboratory, hook: bool) -> None:
    is_exact_enough(hold(laboratory, 150, hook=hook), hook=hook)


@pytest.mark.system
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("hook", [True, False], ids=["with the hook", "without the hook"])
def test_recorded_lineage_is_true_on_postgres(postgres_laboratory: Laboratory, hook: bool) -> None:
    is_exact_enough(hold(postgres_laboratory, 15, hook=hook), hook=hook)
