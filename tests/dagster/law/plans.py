"""A case: a random asset graph, as plain data that prints itself."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from random import Random

from tests.dagster.law.shapes import DEFAULT, SELF, MappingPlan, Shape, mappings, related


class How(StrEnum):
    """How a body comes to what it reads."""

    LOADED = "loaded"  # an IO manager loads it
    SILENT = "silent"  # the body reads it by itself, and says nothing
    RECORDED = "recorded"  # the body reads it by itself, and calls record_read
    INTERNAL = "internal"  # it was made in the same step
    CHOSEN = "chosen"  # the body reads it by ModelInputs


class Pick(StrEnum):
    """Which partitions a body reads by itself, beside what the mapping says."""

    MAPPED = "mapped"
    FEWER = "fewer"
    OTHER = "other"
    NOTHING = "nothing"


class Form(StrEnum):
    """How an asset is written."""

    EXTERNAL = "external"  # outside of Dagster: runless observations and materializations
    OBSERVABLE = "observable"  # @observable_source_asset
    PLAIN = "plain"  # @asset
    EVENTS = "events"  # @asset that yields an AssetMaterialization for each partition
    GRAPH = "graph"  # @graph_asset
    MULTI = "multi"  # @multi_asset with two outputs
    MODEL = "model"  # @model_asset
    MODEL_MULTI = "model_multi"  # @model_multi_asset: a table, and the model made of it
    MODEL_PLAIN = "model_plain"  # @asset with the model IO manager
    MODEL_GRAPH = "model_graph"  # @graph_asset with the model IO manager
    MODEL_BOUND = "model_bound"  # @asset that registers by registry.bind(context)

    @property
    def is_model(self) -> bool:
        return self.value.startswith("model")

    @property
    def is_source(self) -> bool:
        return self in {Form.EXTERNAL, Form.OBSERVABLE}


class Hook(StrEnum):
    """Whether IO managers are wrapped by ``with_lineage``."""

    ON = "on"
    OFF = "off"
    LATER = "later"  # a project that adopts it, with a history


class Versions(StrEnum):
    """What the data versions of an asset are."""

    DEFAULT = "default"  # Dagster's, of the run's id
    CODED = "coded"  # Dagster's, of code_version="1"
    DISTINCT = "distinct"  # explicit, another one for each content
    EQUAL = "equal"  # explicit, one of two whatever the content


class Manager(StrEnum):
    """Which IO manager an asset has."""

    PLAIN = "plain"  # an instance of dg.IOManager under the key io_manager
    CONFIGURABLE = "configurable"  # a ConfigurableIOManager
    FUNCTION = "function"  # made by @dg.io_manager, with a config schema
    DEFINITION = "definition"  # the asset's own io_manager_def
    DEFAULT = "default"  # what Dagster adds when there is none


class Internal(StrEnum):
    """Which inputs the outputs of a step with several are said to have."""

    CHAIN = "chain"  # the second is made of the first alone
    BOTH = "both"  # the second is made of the first and of all inputs
    SPLIT = "split"  # the first has the first input, the second the rest; the body sees all


@dataclass(frozen=True)
class InputPlan:
    """An input of an asset."""

    asset: str
    mapping: MappingPlan = DEFAULT
    how: How = How.LOADED
    pick: Pick = Pick.MAPPED
    by_input_manager: bool = False

    def __str__(self) -> str:
        extra = [self.how.value] + ([] if self.pick is Pick.MAPPED else [self.pick.value])
        extra += ["input manager"] if self.by_input_manager else []
        return f"{self.asset}[{self.mapping}; {', '.join(extra)}]"


@dataclass(frozen=True)
class AssetPlan:
    """An asset, or the two that one step makes: ``name`` and ``name_b``."""

    name: str
    form: Form
    shape: Shape
    inputs: tuple[InputPlan, ...] = ()
    versions: Versions = Versions.DEFAULT
    manager: Manager = Manager.PLAIN
    ranges: bool = False
    internal: Internal = Internal.CHAIN
    subset: bool = False  # of MULTI: a run may make the second output alone
    stumbles: bool = False  # the body fails at first, after it has read something else
    observed: bool = True  # of an external asset: its events are observations
    reported: bool = False  # of an external asset: its events are materializations

    @property
    def outputs(self) -> tuple[str, ...]:
        """The names of the assets that its step makes, the model's last."""
        several = self.form in {Form.MULTI, Form.MODEL_MULTI}
        return (self.name, f"{self.name}_b") if several else (self.name,)

    def __str__(self) -> str:
        facts = [self.form.value, self.shape.value, f"versions {self.versions.value}"]
        facts += [f"{self.manager.value} manager"] if not self.form.is_source else []
        facts += ["ranges"] if self.ranges else []
        facts += [self.internal.value] if len(self.outputs) > 1 else []
        facts += ["can be made in part"] if self.subset else []
        facts += ["fails at first"] if self.stumbles else []
        reads = ", ".join(map(str, self.inputs)) or "nothing"
        return f"{', '.join(self.outputs)}: {', '.join(facts)}; reads {reads}"


@dataclass(frozen=True)
class Case:
    """An asset graph, in an order in which it can be made, and the seed of its history."""

    seed: int
    name: str
    assets: tuple[AssetPlan, ...] = field(default_factory=tuple)

    def __str__(self) -> str:
        return "\n".join([f"case {self.name}, seed {self.seed}", *(f"  {a}" for a in self.assets)])

    def plan(self, asset: str) -> AssetPlan:
        """Return the plan that makes an asset."""
        return next(plan for plan in self.assets if asset in plan.outputs)

    def changed(self, plan: AssetPlan) -> "Case":
        """Return the case with another plan for one asset."""
        assets = tuple(plan if each.name == plan.name else each for each in self.assets)
        return replace(self, assets=assets)


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
        choosable = self._case.plan(one.asset).form in {Form.PLAIN, Form.EVENTS, Form.EXTERNAL}
        if one.how is How.CHOSEN and not choosable:
            return replace(one, how=How.LOADED)
        return one


# Keys that histories prefer, the last one among them, so that what is read is mostly there.
FOCUS: dict[Shape, tuple[str, ...]] = {
    Shape.NONE: (),
    Shape.LETTERS: ("a", "b", "c"),
    Shape.REGIONS: ("x", "y"),
    Shape.DAYS: ("2024-02-01", "2024-02-02", "2024-02-04"),
    Shape.WEEKS: ("2024-01-28", "2024-02-04"),
    Shape.MONTHS: ("2024-01-01", "2024-02-01"),
    Shape.REGION_DAYS: ("2024-02-01|x", "2024-02-01|y", "2024-02-04|y"),
    Shape.REGION_LETTERS: ("a|x", "b|x", "c|y"),
    Shape.DYNAMIC: ("k1", "k2"),
}


def draw_case(seed: int, name: str) -> Case:
    """Return the case of a seed, always the same but for its name."""
    return Planner(seed, name).case()
