"""A case: a random asset graph, as plain data that prints itself."""

from dataclasses import dataclass, field, replace
from enum import StrEnum

from tests.dagster.capture.law.shapes import DEFAULT, MappingPlan, Shape


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
