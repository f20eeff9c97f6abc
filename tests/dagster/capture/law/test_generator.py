"""The generator makes every kind of graph and of history that the law is about."""

from collections import Counter

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.dagster.capture.law.happenings import HAPPENINGS, Happenings
from tests.dagster.capture.law.laboratory import Laboratory
from tests.dagster.capture.law.planner import draw_case
from tests.dagster.capture.law.plans import (
    Case,
    Form,
    Hook,
    How,
    Internal,
    Manager,
    Pick,
    Versions,
)
from tests.dagster.capture.law.shapes import KINDS, Shape

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
    assert {plan.shape for plan in plans} == set(Shape)
    assert {plan.versions for plan in plans} == set(Versions)
    assert {plan.manager for plan in plans} == set(Manager)
    assert {plan.internal for plan in plans if len(plan.outputs) > 1} == set(Internal)
    assert {one.mapping.kind for one in inputs} == KINDS
    assert {one.how for one in inputs} == set(How) - {How.INTERNAL}
    assert {one.pick for one in inputs} == set(Pick)
    assert any(one.by_input_manager for one in inputs)
    assert any(plan.ranges for plan in plans)
    assert any(plan.subset for plan in plans)
    assert any(plan.stumbles and one.how is How.RECORDED for plan in plans for one in plan.inputs)
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
        # Itself, and a model that it is trained on, are beside it.
        data = [one.asset for one in plan.inputs if not one.asset.startswith("m")]
        below = [depth[asset] for asset in data if asset not in plan.outputs]
        depth |= dict.fromkeys(plan.outputs, 1 + max(below, default=0))
    assert 2 <= max(depth.values()) <= 5
    assert case.assets[-1].form.is_model


def test_histories_have_every_kind_of_event(laboratory: Laboratory) -> None:
    seen: set[str] = set()
    for case in map(fit_for_all, range(LARGE)):
        if case is None:
            continue
        trial = Happenings(laboratory, case, Hook.OFF)
        trial.wipes = trial.changes = True
        trial.fill()
        trial.happen(20)
        seen |= trial.done
        if seen >= HAPPENINGS:
            break
    assert seen >= HAPPENINGS
    assert "failure" not in seen


def test_every_case_can_be_defined(laboratory: Laboratory) -> None:
    for case in drawn(60):
        trial = Happenings(laboratory, case, Hook.OFF)
        planned = {trial.kit.key(name) for plan in case.assets for name in plan.outputs}
        assert planned <= trial.repository.asset_graph.get_all_asset_keys()


def fit_for_all(seed: int) -> Case | None:
    """Return a case in which all that can happen has something to happen to."""
    case = draw_case(seed, f"case{seed}")
    shapes = {plan.shape for plan in case.assets}
    observed = any(plan.form.is_source and plan.observed for plan in case.assets)
    ranged = any(plan.ranges for plan in case.assets)
    return case if Shape.DYNAMIC in shapes and observed and ranged else None
