"""A case: a random asset graph as plain, printable data."""

from dataclasses import dataclass, field, replace
from enum import StrEnum

from tests.dagster.capture.random_graphs.partitionings import DEFAULT, MappingPlan, Partitioning


class ReadMode(StrEnum):
    """How a body reads an input."""

    LOADED = "loaded"  # an IO manager loads it
    SILENT = "silent"  # the body reads it itself, without a record
    RECORDED = "recorded"  # the body reads it itself, and calls record_read
    INTERNAL = "internal"  # it was made in the same step
    CHOSEN = "chosen"  # the body reads it with ModelInputs


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
    LATER = "later"  # added to a project with a history


class Versions(StrEnum):
    """The kind of data versions of an asset."""

    DEFAULT = "default"  # Dagster's, from the run's id
    CODED = "coded"  # Dagster's, from code_version="1"
    DISTINCT = "distinct"  # explicit, different for each content
    EQUAL = "equal"  # explicit, one of two values for any content


class Manager(StrEnum):
    """The IO manager of an asset."""

    PLAIN = "plain"  # an instance of dg.IOManager under the key io_manager
    CONFIGURABLE = "configurable"  # a ConfigurableIOManager
    FUNCTION = "function"  # from @dg.io_manager, with a config schema
    DEFINITION = "definition"  # the asset's own io_manager_def
    DEFAULT = "default"  # Dagster's default


class Internal(StrEnum):
    """The declared inputs of the outputs of a step with several outputs."""

    CHAIN = "chain"  # the second output depends only on the first
    BOTH = "both"  # the second output depends on the first and on all inputs
    SPLIT = "split"  # the first output has the first input, the second the rest; the body has all


@dataclass(frozen=True)
class InputPlan:
    """An input of an asset."""

    asset: str
    mapping: MappingPlan = DEFAULT
    mode: ReadMode = ReadMode.LOADED
    pick: Pick = Pick.MAPPED
    by_input_manager: bool = False

    def __str__(self) -> str:
        extra = [self.mode.value] + ([] if self.pick is Pick.MAPPED else [self.pick.value])
        extra += ["input manager"] if self.by_input_manager else []
        return f"{self.asset}[{self.mapping}; {', '.join(extra)}]"


@dataclass(frozen=True)
class AssetPlan:
    """An asset, or the two assets of one step: ``name`` and ``name_b``."""

    name: str
    form: Form
    partitioning: Partitioning
    inputs: tuple[InputPlan, ...] = ()
    versions: Versions = Versions.DEFAULT
    manager: Manager = Manager.PLAIN
    ranges: bool = False
    internal: Internal = Internal.CHAIN
    subset: bool = False  # MULTI: a run may make only the second output
    fails_first: bool = False  # the body first fails, after it has read something else
    observed: bool = True  # external asset: its events are observations
    reported: bool = False  # external asset: its events are materializations

    @property
    def outputs(self) -> tuple[str, ...]:
        """The names of the assets of its step, with the model last."""
        several = self.form in {Form.MULTI, Form.MODEL_MULTI}
        return (self.name, f"{self.name}_b") if several else (self.name,)

    def __str__(self) -> str:
        facts = [self.form.value, self.partitioning.value, f"versions {self.versions.value}"]
        facts += [f"{self.manager.value} manager"] if not self.form.is_source else []
        facts += ["ranges"] if self.ranges else []
        facts += [self.internal.value] if len(self.outputs) > 1 else []
        facts += ["can be made partially"] if self.subset else []
        facts += ["fails first"] if self.fails_first else []
        reads = ", ".join(map(str, self.inputs)) or "nothing"
        return f"{', '.join(self.outputs)}: {', '.join(facts)}; reads {reads}"


@dataclass(frozen=True)
class Case:
    """An asset graph in topological order, and the seed of its history."""

    seed: int
    name: str
    assets: tuple[AssetPlan, ...] = field(default_factory=tuple)

    def __str__(self) -> str:
        return "\n".join([f"case {self.name}, seed {self.seed}", *(f"  {a}" for a in self.assets)])

    def plan(self, asset: str) -> AssetPlan:
        """Return the plan of an asset."""
        return next(plan for plan in self.assets if asset in plan.outputs)

    def changed(self, plan: AssetPlan) -> "Case":
        """Return the case with another plan for one asset."""
        assets = tuple(plan if each.name == plan.name else each for each in self.assets)
        return replace(self, assets=assets)


# Keys that histories prefer, including the last one, so that most reads find a content.
FOCUS: dict[Partitioning, tuple[str, ...]] = {
    Partitioning.NONE: (),
    Partitioning.LETTERS: ("a", "b", "c"),
    Partitioning.REGIONS: ("x", "y"),
    Partitioning.DAYS: ("2024-02-01", "2024-02-02", "2024-02-04"),
    Partitioning.WEEKS: ("2024-01-28", "2024-02-04"),
    Partitioning.MONTHS: ("2024-01-01", "2024-02-01"),
    Partitioning.REGION_DAYS: ("2024-02-01|x", "2024-02-01|y", "2024-02-04|y"),
    Partitioning.REGION_LETTERS: ("a|x", "b|x", "c|y"),
    Partitioning.DYNAMIC: ("k1", "k2"),
}
