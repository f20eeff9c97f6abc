"""The sum over the parts of a law."""

from pathlib import Path

from tests.dagster.capture.random_graphs.parts import Counts, Parts
from tests.dagster.capture.random_graphs.test_recorded_lineage import MANY, drawn


def test_the_part_that_ends_last_finds_the_sum_of_all(tmp_path: Path) -> None:
    first, second = Counts(3, 9, 10, ["run", "wipe"]), Counts(2, 1, 5, ["run", "tick"])
    assert Parts(tmp_path, 2).add(1, first) is None
    found = Parts(tmp_path, 2).add(0, second)
    assert found == Counts(5, 10, 15, ["run", "tick", "wipe"])
    assert (found.share.part, found.share.whole) == (10, 15)


def test_the_parts_of_a_law_are_all_its_graphs_once() -> None:
    assert sum(graphs for graphs, _ in MANY.values()) == 300
    for graphs, parts in MANY.values():
        examined = [seed for part in range(parts) for seed in drawn(graphs)[part::parts]]
        assert sorted(examined) == sorted(set(drawn(graphs)))
        assert len(examined) == graphs
