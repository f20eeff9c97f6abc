"""Draw a random asset graph from a seed."""

from collections.abc import Sequence
from dataclasses import replace
from random import Random

from tests.dagster.capture.law.plans import (
    FOCUS,
    AssetPlan,
    Case,
    Form,
    How,
    InputPlan,
    Internal,
    Manager,
    Pick,
    Versions,
)
from tests.dagster.capture.law.shapes import SELF, Shape, mappings, related

SHAPES = (
    [Shape.NONE] * 4 + [Shape.DAYS] * 5 + [Shape.LETTERS] * 2 + [Shape.MONTHS] * 2
    + [Shape.REGIONS, Shape.WEEKS, Shape.REGION_DAYS, Shape.REGION_LETTERS, Shape.DYNAMIC]
)  # fmt: skip
MODEL_SHAPES = [Shape.NONE] * 6 + [Shape.LETTERS, Shape.DAYS]


class Planner:
    """Draws a case from a seed."""

    def __init__(self, seed: int, name: str) -> None:
        self._random = Random(seed)
        self._case = Case(seed, name)
        self._regime = self._random.choice([None, *Versions, Versions.DISTINCT, Versions.DISTINCT])
        # One case in four has no IO manager of its own, and so Dagster's.
        self._bare = self._random.random() < 0.25
        self._levels: list[list[str]] = []

    def case(self) -> Case:
        """Return the case: sources first, the models last."""
        depth = self._random.choice([3, 4, 5, 5, 5])
        for level in range(depth - 1):
            plans = [self._asset(level, place) for place in range(self._random.choice([1, 2, 2]))]
            self._add(plans)
        for place in range(self._random.choice([1, 1, 2])):
            self._case = replace(self._case, assets=(*self._case.assets, self._model(place)))
        return self._case

    def _add(self, plans: Sequence[AssetPlan]) -> None:
        self._case = replace(self._case, assets=(*self._case.assets, *plans))
        self._levels.append([name for plan in plans for name in plan.outputs])

    def _asset(self, level: int, place: int) -> AssetPlan:
        name = f"a{level}{'xy'[place]}"
        versions = self._regime or self._random.choice(list(Versions))
        if level == 0:
            shape = self._random.choice(SHAPES)
            return self._source(AssetPlan(name, Form.PLAIN, shape, versions=versions))
        # One level up, so that the depth is what it should be.
        near = self._random.choice(self._levels[-1])
        shapes = related(self._case.plan(near).shape)
        shape = self._random.choice(shapes if self._random.random() < 0.6 else SHAPES)
        forms = [Form.PLAIN] * 5 + [Form.GRAPH] * 2 + [Form.MULTI] * 2 + [Form.EVENTS]
        form = self._random.choice(forms)
        plan = AssetPlan(
            name,
            form,
            shape,
            inputs=self._inputs(near, shape, form),
            versions=versions,
            manager=self._manager(form),
            internal=self._random.choice([*Internal, Internal.CHAIN, Internal.BOTH]),
        )
        plan = replace(
            plan,
            ranges=self._takes_ranges(plan),
            subset=form is Form.MULTI and self._random.random() < 0.4,
            stumbles=form is Form.PLAIN and self._random.random() < 0.1,
        )
        if shape is Shape.DAYS and form is Form.PLAIN and self._random.random() < 0.35:
            itself = InputPlan(name, SELF, self._how(form), Pick.MAPPED)
            plan = replace(plan, inputs=(*plan.inputs, itself))
        return plan

    def _source(self, plan: AssetPlan) -> AssetPlan:
        form = self._random.choice([Form.PLAIN] * 3 + [Form.EXTERNAL] * 2 + [Form.OBSERVABLE])
        if form is Form.OBSERVABLE:
            plan = replace(plan, shape=Shape.NONE)
        if form.is_source and plan.versions in {Versions.DEFAULT, Versions.CODED}:
            plan = replace(plan, versions=Versions.DISTINCT)
        observed = form is Form.OBSERVABLE or self._random.random() < 0.6
        reported = form is Form.EXTERNAL and (not observed or self._random.random() < 0.15)
        plan = replace(
            plan, form=form, manager=self._manager(form), observed=observed, reported=reported
        )
        return replace(plan, ranges=self._takes_ranges(plan))

    def _takes_ranges(self, plan: AssetPlan) -> bool:
        able = plan.form in {Form.PLAIN, Form.EVENTS} and plan.manager is not Manager.DEFAULT
        often = 0.9 if plan.form is Form.EVENTS else 0.5
        return able and plan.shape.takes_ranges and self._random.random() < often

    def _manager(self, form: Form) -> Manager:
        if form.is_source:
            return Manager.PLAIN
        if self._bare and form is not Form.EVENTS:
            return Manager.DEFAULT
        some = [Manager.PLAIN] * 3 + [Manager.CONFIGURABLE, Manager.FUNCTION]
        return self._random.choice([*some, Manager.DEFINITION] if form is Form.PLAIN else some)

    def _inputs(self, near: str, shape: Shape, form: Form) -> tuple[InputPlan, ...]:
        all_of_them = [name for level in self._levels for name in level]
        number = self._random.choice([1, 2, 2, 3])
        names = dict.fromkeys([near, *self._some(all_of_them, number - 1)])
        return tuple(self._input(name, shape, form) for name in names)

    def _some(self, names: Sequence[str], number: int) -> list[str]:
        return self._random.sample(names, min(number, len(names)))

    def _input(self, name: str, shape: Shape, form: Form) -> InputPlan:
        plan = self._case.plan(name)
        mapping = self._random.choice(mappings(plan.shape, shape, FOCUS[plan.shape]))
        how = self._how(form)
        by_itself = how in {How.SILENT, How.RECORDED}
        pick = self._random.choice([Pick.MAPPED, *Pick]) if by_itself else Pick.MAPPED
        if plan.shape is Shape.NONE and pick in {Pick.FEWER, Pick.OTHER}:
            pick = Pick.MAPPED
        takes_managers = form in {Form.PLAIN, Form.MULTI, Form.MODEL} and how is How.LOADED
        return InputPlan(name, mapping, how, pick, takes_managers and self._random.random() < 0.1)

    def _how(self, form: Form) -> How:
        if form is Form.MODEL and self._random.random() < 0.15 and not self._bare:
            return How.CHOSEN
        return self._random.choice([How.LOADED] * 4 + [How.SILENT, How.RECORDED])

    def _model(self, place: int) -> AssetPlan:
        forms = [Form.MODEL] * 4 + [Form.MODEL_MULTI] * 2
        form = self._random.choice([*forms, Form.MODEL_PLAIN, Form.MODEL_GRAPH, Form.MODEL_BOUND])
        shape = self._random.choice(MODEL_SHAPES)
        if form in {Form.MODEL_GRAPH, Form.MODEL_BOUND, Form.MODEL_PLAIN}:
            shape = Shape.NONE
        inputs = self._inputs(self._random.choice(self._levels[-1]), shape, form)
        inputs = tuple(self._chosen(one) for one in inputs)
        teachers = [plan for plan in self._case.assets if plan.form.is_model]
        if teachers and teachers[0].shape is Shape.NONE and self._random.random() < 0.4:
            how = self._random.choice([How.SILENT, How.RECORDED])
            inputs = (*inputs, InputPlan(teachers[0].outputs[-1], how=how))
        return AssetPlan(
            f"m{place}",
            form,
            shape,
            inputs=inputs,
            manager=Manager.DEFAULT if self._bare else Manager.PLAIN,
            internal=self._random.choice([Internal.CHAIN, Internal.CHAIN, Internal.BOTH]),
        )

    def _chosen(self, one: InputPlan) -> InputPlan:
        """ModelInputs is given definitions that name one asset and its IO manager."""
        source = self._case.plan(one.asset)
        choosable = source.form in {Form.PLAIN, Form.EVENTS, Form.EXTERNAL}
        # An asset's own io_manager_def is no resource of those who read it by ModelInputs.
        if one.how is How.CHOSEN and not (choosable and source.manager is not Manager.DEFINITION):
            return replace(one, how=How.LOADED)
        return one


def draw_case(seed: int, name: str) -> Case:
    """Return the case of a seed, always the same but for its name."""
    return Planner(seed, name).case()
