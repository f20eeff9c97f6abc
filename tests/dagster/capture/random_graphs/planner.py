"""Generate a random asset graph from a seed."""

from collections.abc import Sequence
from dataclasses import replace
from random import Random

from tests.dagster.capture.random_graphs.partitionings import SELF, Partitioning, mappings, related
from tests.dagster.capture.random_graphs.plans import (
    FOCUS,
    AssetPlan,
    Case,
    Form,
    InputPlan,
    Internal,
    Manager,
    Pick,
    ReadMode,
    Versions,
)

PARTITIONINGS = [
    *[Partitioning.NONE] * 4,
    *[Partitioning.DAYS] * 5,
    *[Partitioning.LETTERS] * 2,
    *[Partitioning.MONTHS] * 2,
    Partitioning.REGIONS,
    Partitioning.WEEKS,
    Partitioning.REGION_DAYS,
    Partitioning.REGION_LETTERS,
    Partitioning.DYNAMIC,
]
MODEL_PARTITIONINGS = [Partitioning.NONE] * 6 + [Partitioning.LETTERS, Partitioning.DAYS]


class Planner:
    """Generates a case from a seed."""

    def __init__(self, seed: int, name: str) -> None:
        self._random = Random(seed)
        self._case = Case(seed, name)
        self._regime = self._random.choice([None, *Versions, Versions.DISTINCT, Versions.DISTINCT])
        # One case in four uses Dagster's default IO manager.
        self._bare = self._random.random() < 0.25
        self._levels: list[list[str]] = []

    def case(self) -> Case:
        """Return the case: first the sources, last the models."""
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
            partitioning = self._random.choice(PARTITIONINGS)
            return self._source(AssetPlan(name, Form.PLAIN, partitioning, versions=versions))
        # One level up, so that the graph has the required depth.
        near = self._random.choice(self._levels[-1])
        shapes = related(self._case.plan(near).partitioning)
        partitioning = self._random.choice(shapes if self._random.random() < 0.6 else PARTITIONINGS)
        forms = [Form.PLAIN] * 5 + [Form.GRAPH] * 2 + [Form.MULTI] * 2 + [Form.EVENTS]
        form = self._random.choice(forms)
        plan = AssetPlan(
            name,
            form,
            partitioning,
            inputs=self._inputs(near, partitioning, form),
            versions=versions,
            manager=self._manager(form),
            internal=self._random.choice([*Internal, Internal.CHAIN, Internal.BOTH]),
        )
        plan = replace(
            plan,
            ranges=self._takes_ranges(plan),
            subset=form is Form.MULTI and self._random.random() < 0.4,
            fails_first=form is Form.PLAIN and self._random.random() < 0.1,
        )
        if (
            partitioning is Partitioning.DAYS
            and form is Form.PLAIN
            and self._random.random() < 0.35
        ):
            itself = InputPlan(name, SELF, self._how(form), Pick.MAPPED)
            plan = replace(plan, inputs=(*plan.inputs, itself))
        return plan

    def _source(self, plan: AssetPlan) -> AssetPlan:
        form = self._random.choice([Form.PLAIN] * 3 + [Form.EXTERNAL] * 2 + [Form.OBSERVABLE])
        if form is Form.OBSERVABLE:
            plan = replace(plan, partitioning=Partitioning.NONE)
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
        return able and plan.partitioning.takes_ranges and self._random.random() < often

    def _manager(self, form: Form) -> Manager:
        if form.is_source:
            return Manager.PLAIN
        if self._bare and form is not Form.EVENTS:
            return Manager.DEFAULT
        some = [Manager.PLAIN] * 3 + [Manager.CONFIGURABLE, Manager.FUNCTION]
        return self._random.choice([*some, Manager.DEFINITION] if form is Form.PLAIN else some)

    def _inputs(self, near: str, partitioning: Partitioning, form: Form) -> tuple[InputPlan, ...]:
        all_of_them = [name for level in self._levels for name in level]
        number = self._random.choice([1, 2, 2, 3])
        names = dict.fromkeys([near, *self._some(all_of_them, number - 1)])
        return tuple(self._input(name, partitioning, form) for name in names)

    def _some(self, names: Sequence[str], number: int) -> list[str]:
        return self._random.sample(names, min(number, len(names)))

    def _input(self, name: str, partitioning: Partitioning, form: Form) -> InputPlan:
        plan = self._case.plan(name)
        mapping = self._random.choice(
            mappings(plan.partitioning, partitioning, FOCUS[plan.partitioning])
        )
        mode = self._how(form)
        by_itself = mode in {ReadMode.SILENT, ReadMode.RECORDED}
        pick = self._random.choice([Pick.MAPPED, *Pick]) if by_itself else Pick.MAPPED
        if plan.partitioning is Partitioning.NONE and pick in {Pick.FEWER, Pick.OTHER}:
            pick = Pick.MAPPED
        takes_managers = form in {Form.PLAIN, Form.MULTI, Form.MODEL} and mode is ReadMode.LOADED
        return InputPlan(name, mapping, mode, pick, takes_managers and self._random.random() < 0.1)

    def _how(self, form: Form) -> ReadMode:
        if form is Form.MODEL and self._random.random() < 0.15 and not self._bare:
            return ReadMode.CHOSEN
        return self._random.choice([ReadMode.LOADED] * 4 + [ReadMode.SILENT, ReadMode.RECORDED])

    def _model(self, place: int) -> AssetPlan:
        forms = [Form.MODEL] * 4 + [Form.MODEL_MULTI] * 2
        form = self._random.choice([*forms, Form.MODEL_PLAIN, Form.MODEL_GRAPH, Form.MODEL_BOUND])
        partitioning = self._random.choice(MODEL_PARTITIONINGS)
        if form in {Form.MODEL_GRAPH, Form.MODEL_BOUND, Form.MODEL_PLAIN}:
            partitioning = Partitioning.NONE
        inputs = self._inputs(self._random.choice(self._levels[-1]), partitioning, form)
        inputs = tuple(self._chosen(one) for one in inputs)
        teachers = [plan for plan in self._case.assets if plan.form.is_model]
        if (
            teachers
            and teachers[0].partitioning is Partitioning.NONE
            and self._random.random() < 0.4
        ):
            mode = self._random.choice([ReadMode.SILENT, ReadMode.RECORDED])
            inputs = (*inputs, InputPlan(teachers[0].outputs[-1], mode=mode))
        return AssetPlan(
            f"m{place}",
            form,
            partitioning,
            inputs=inputs,
            manager=Manager.DEFAULT if self._bare else Manager.PLAIN,
            internal=self._random.choice([Internal.CHAIN, Internal.CHAIN, Internal.BOTH]),
        )

    def _chosen(self, one: InputPlan) -> InputPlan:
        """Allow ModelInputs only for definitions with one asset and an IO manager."""
        source = self._case.plan(one.asset)
        choosable = source.form in {Form.PLAIN, Form.EVENTS, Form.EXTERNAL}
        # An asset's own io_manager_def is not a resource of assets that read it with ModelInputs.
        if one.mode is ReadMode.CHOSEN and not (
            choosable and source.manager is not Manager.DEFINITION
        ):
            return replace(one, mode=ReadMode.LOADED)
        return one


def draw_case(seed: int, name: str) -> Case:
    """Return the case of a seed, which is always the same except for its name."""
    return Planner(seed, name).case()
