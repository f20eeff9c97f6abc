"""The generator produces every kind of graph and history."""

from collections import Counter

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.dagster.capture.random_graphs.environment import Environment
from tests.dagster.capture.random_graphs.partitionings import KINDS, Partitioning
from tests.dagster.capture.random_graphs.planner import draw_case
from tests.dagster.capture.random_graphs.plans import (
    Case,
    Form,
    Hook,
    Internal,
    Manager,
    Pick,
    ReadMode,
    Versions,
)
from tests.dagster.capture.random_graphs.random_events import EVENT_KINDS, RandomEvents

SMALL, LARGE = 20, 300


def drawn(number: int) -> list[Case]:
    return [draw_case(seed, f"case{seed}") for seed in range(number)]


def test_a_seed_always_gives_the_same_case() -> None:
    assert str(draw_case(7, "one")) == str(draw_case(7, "one"))
    assert str(draw_case(7, "one")) != str(draw_case(8, "one"))


def test_all_kinds_of_assets_and_mappings_occur() -> None:
    plans = [plan for case in drawn(LARGE) for plan in case.assets]
    inputs = [one for plan in plans for one in plan.inputs]
    assert {plan.form for plan in plans} == set(Form)
    assert {plan.partitioning for plan in plans} == set(Partitioning)
    assert {plan.versions for plan in plans} == set(Versions)
    assert {plan.manager for plan in plans} == set(Manager)
    assert {plan.internal for plan in plans if len(plan.outputs) > 1} == set(Internal)
    assert {one.mapping.kind for one in inputs} == KINDS
    assert {one.mode for one in inputs} == set(ReadMode) - {ReadMode.INTERNAL}
    assert {one.pick for one in inputs} == set(Pick)
    assert any(one.by_input_manager for one in inputs)
    assert any(plan.ranges for plan in plans)
    assert any(plan.subset for plan in plans)
    assert any(
        plan.fails_first and one.mode is ReadMode.RECORDED for plan in plans for one in plan.inputs
    )
    assert any(one.asset.startswith("m") for one in inputs), "no model is trained on a model"
    assert any(one.asset == plan.name for plan in plans for one in plan.inputs)


def test_every_mapping_is_common_enough_to_be_met_in_a_small_run() -> None:
    kinds = Counter(
        kind
        for case in drawn(LARGE)
        for kind in {one.mapping.kind for plan in case.assets for one in plan.inputs}
    )
    rare = {kind: number for kind, number in kinds.items() if number * SMALL < LARGE}
    assert set(rare) <= {"static", "multi"}, rare


@settings(derandomize=True, database=None, max_examples=200)
@given(st.integers(0, 2**31))
def test_graphs_are_at_most_five_deep_and_end_in_a_model(seed: int) -> None:
    case = draw_case(seed, "case")
    depth: dict[str, int] = {}
    for plan in case.assets:
        # Itself and a model that it is trained on do not count.
        data = [one.asset for one in plan.inputs if not one.asset.startswith("m")]
        below = [depth[asset] for asset in data if asset not in plan.outputs]
        depth |= dict.fromkeys(plan.outputs, 1 + max(below, default=0))
    assert 2 <= max(depth.values()) <= 5
    assert case.assets[-1].form.is_model


def test_histories_have_every_kind_of_event(environment: Environment) -> None:
    seen: set[str] = set()
    for case in map(case_with_everything, range(LARGE)):
        if case is None:
            continue
        history = RandomEvents(environment, case, Hook.OFF)
        history.wipes = history.changes = True
        history.fill()
        history.apply_random_events(20)
        seen |= history.done
        if seen >= EVENT_KINDS:
            break
    assert seen >= EVENT_KINDS
    assert "failure" not in seen


def test_every_case_can_be_defined(environment: Environment) -> None:
    for case in drawn(60):
        history = RandomEvents(environment, case, Hook.OFF)
        planned = {history.bodies.key(name) for plan in case.assets for name in plan.outputs}
        assert planned <= history.repository.asset_graph.get_all_asset_keys()


def case_with_everything(seed: int) -> Case | None:
    """Return a case to which all kinds of events apply."""
    case = draw_case(seed, f"case{seed}")
    shapes = {plan.partitioning for plan in case.assets}
    observed = any(plan.form.is_source and plan.observed for plan in case.assets)
    ranged = any(plan.ranges for plan in case.assets)
    return case if Partitioning.DYNAMIC in shapes and observed and ranged else None
