"""Lineage capture with a real event log, for each pitfall of Dagster's own provenance."""

import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from pedigree.dagster.capture import event_log as events_module
from pedigree.dagster.capture.event_log import AssetEvent, latest
from pedigree.dagster.capture.inputs import ModelInputs, source_of
from pedigree.dagster.capture.lineage import LineageCapture, StepStart, training_data_digest
from pedigree.dagster.capture.run_provenance import provenance_of
from pedigree.errors import InvalidInputError
from pedigree.lineage.records import Capture, Certainty, LineageGraph, LineageNode, NodeKind

DAYS = dg.DailyPartitionsDefinition("2024-01-01", end_date="2024-01-11")
WEEKS = dg.StaticPartitionsDefinition(["w1", "w2"])


class Trainer:
    """An asset that captures its lineage, and keeps the graph and the tags."""

    def __init__(self) -> None:
        self.graphs: list[LineageGraph] = []
        self.tags: list[dict[str, str]] = []

    def asset(
        self,
        body: Callable[[ModelInputs, dg.AssetExecutionContext], object] = lambda *_: None,
        **options: Any,
    ) -> dg.AssetsDefinition:
        sources = [source_of(dep) for dep in options.get("deps", [])]

        @dg.asset(name="model", required_resource_keys={"io_manager"}, **options)
        def model(context: dg.AssetExecutionContext, **_: Any) -> dg.MaterializeResult:
            where = provenance_of(context, context.asset_key)
            capture = LineageCapture(context, context.asset_key)
            body(ModelInputs(context, (capture,), sources), context)
            started = StepStart.of(context.instance, where.run_id, where.step_key)
            step = LineageNode(node_id=0, kind=NodeKind.STEP, asset="model", run_id=where.run_id)
            self.graphs.append(capture.finish(step, started))
            self.tags.append(capture.input_tags())
            return dg.MaterializeResult(tags=capture.input_tags())

        return model

    @property
    def graph(self) -> LineageGraph:
        return self.graphs[-1]

    def certainties(self) -> list[tuple[str, str | None, Certainty]]:
        """The certainty of each edge of the newest graph, by its source."""
        nodes = {node.node_id: node for node in self.graph.nodes}
        return [
            (nodes[edge.source].asset, nodes[edge.source].partition, edge.certainty)
            for edge in self.graph.edges
        ]

    def inputs(self) -> list[tuple[str, str | None, str, str]]:
        return [
            (node.asset, node.partition, node.kind.value, capture.value)
            for node, capture in self.graph.inputs()
        ]


@pytest.fixture
def trainer() -> Trainer:
    return Trainer()


def materialize(
    instance: dg.DagsterInstance, *assets: Any, only: str | None = None, **options: Any
) -> dg.ExecuteInProcessResult:
    selection = [only] if only else None
    options.setdefault("resources", {"io_manager": Echo()})
    return dg.materialize(list(assets), instance=instance, selection=selection, **options)


@dg.asset(partitions_def=DAYS)
def days() -> None: ...


@dg.asset
def raw() -> dg.MaterializeResult:
    return dg.MaterializeResult(data_version=dg.DataVersion("raw-1"))


@dg.asset
def features(raw: object) -> dg.MaterializeResult:
    return dg.MaterializeResult(data_version=dg.DataVersion("features-1"))


class Echo(dg.IOManager):
    """An IO manager that stores nothing: a partition's value is its key."""

    def handle_output(self, context: dg.OutputContext, obj: object) -> None: ...

    def load_input(self, context: dg.InputContext) -> str | None:
        return context.partition_key if context.has_partition_key else None


def day(instance: dg.DagsterInstance, number: int, version: str | None = None) -> None:
    partition = f"2024-01-{number:02}"
    recorded(instance, "days", partition, version or f"v-{partition}")


def recorded(instance: dg.DagsterInstance, asset: str, partition: str | None, version: str) -> None:
    instance.report_runless_asset_event(
        dg.AssetMaterialization(asset, partition=partition, tags={"dagster/data_version": version})
    )


def test_the_closure_reaches_the_sources_through_other_runs(
    instance: dg.DagsterInstance, trainer: Trainer
) -> None:
    model = trainer.asset(deps=[features])
    materialize(instance, raw, features)
    materialize(instance, raw, features, model, only="model")
    assert trainer.inputs() == [("features", None, "materialization", "declared")]
    nodes = {node.asset: node for node in trainer.graph.nodes}
    assert nodes["raw"].data_version == "raw-1"
    assert {(edge.consumer, edge.source, edge.capture) for edge in trainer.graph.edges} == {
        (0, nodes["features"].node_id, Capture.DECLARED),
        (nodes["features"].node_id, nodes["raw"].node_id, Capture.PROVENANCE),
    }
    assert not trainer.graph.raced


def test_an_input_that_dagster_loads_is_read(
    instance: dg.DagsterInstance, trainer: Trainer
) -> None:
    model = trainer.asset(ins={"features": dg.AssetIn()}, deps=[raw])
    materialize(instance, raw, features, model)
    assert trainer.inputs() == [
        ("features", None, "materialization", "read"),
        ("raw", None, "materialization", "declared"),
    ]
    # the features were made from the same event
    assert [node.asset for node in trainer.graph.nodes].count("raw") == 1


def test_a_mapped_input_has_its_own_partitions_and_not_the_newest_of_any(
    instance: dg.DagsterInstance, trainer: Trainer
) -> None:
    letters = dg.StaticPartitionsDefinition(["a", "b", "c"])

    @dg.asset(partitions_def=letters)
    def events() -> None: ...

    inverse = dg.StaticPartitionMapping({"a": "w1", "b": "w1", "c": "w2"})
    model = trainer.asset(
        deps=[dg.AssetDep(events, partition_mapping=inverse)], partitions_def=WEEKS
    )
    for letter in "abc":
        recorded(instance, "events", letter, letter)
    result = materialize(instance, events, model, only="model", partition_key="w1")
    # The body reads data itself, so it may have read more of the asset.
    assert [item[:2] for item in trainer.inputs()] == [
        ("events", "a"),
        ("events", "b"),
        ("events", None),
    ]
    (event,) = result.asset_materializations_for_node("model")
    pointer = int(event.tags["dagster/input_event_pointer/events"])
    newest = latest(instance, dg.AssetKey("events"), ["a", "b", "c"])
    assert pointer == newest["b"].storage_id
    assert newest["c"].storage_id > pointer  # Dagster itself would point to it


def test_explicit_reads_are_recorded_exactly(
    instance: dg.DagsterInstance, trainer: Trainer
) -> None:
    read: dict[str, str] = {}

    def body(inputs: ModelInputs, _: object) -> None:
        read.update(inputs.read(days, partitions=["2024-01-02", "2024-01-03"]))

    model = trainer.asset(body, deps=[days])
    for number in (1, 2, 3, 4):
        day(instance, number)
    materialize(instance, days, model, only="model")
    assert read == {"2024-01-02": "2024-01-02", "2024-01-03": "2024-01-03"}
    assert trainer.inputs() == [
        ("days", "2024-01-02", "materialization", "read"),
        ("days", "2024-01-03", "materialization", "read"),
    ]


def test_the_data_digest_depends_only_on_the_reads(
    instance: dg.DagsterInstance, trainer: Trainer
) -> None:
    model = trainer.asset(
        lambda inputs, _: inputs.read(days, partitions=["2024-01-01"]), deps=[days]
    )
    day(instance, 1)
    materialize(instance, days, model, only="model")
    day(instance, 2)
    materialize(instance, days, model, only="model")
    day(instance, 1, "other")
    materialize(instance, days, model, only="model")
    first, second, third = (training_data_digest(graph) for graph in trainer.graphs)
    assert first == second != third
    assert trainer.graphs[0].inputs()[0][0].data_version == "v-2024-01-01"


def test_an_asset_outside_the_dependencies_cannot_be_read(
    instance: dg.DagsterInstance, trainer: Trainer
) -> None:
    model = trainer.asset(lambda inputs, _: inputs.read("raw"), deps=[features])
    with pytest.raises(InvalidInputError, match="Add it to deps"):
        materialize(instance, raw, features, model, only="model")


def test_reading_an_empty_list_of_partitions_is_refused(
    instance: dg.DagsterInstance, trainer: Trainer
) -> None:
    model = trainer.asset(lambda inputs, _: inputs.read(days, partitions=[]), deps=[days])
    with pytest.raises(InvalidInputError, match="contains no partition key"):
        materialize(instance, days, model, only="model")


def test_an_input_that_changes_during_the_training_is_a_race(
    instance: dg.DagsterInstance, trainer: Trainer
) -> None:
    def body(_: ModelInputs, context: dg.AssetExecutionContext) -> None:
        context.instance.report_runless_asset_event(dg.AssetMaterialization("raw"))

    model = trainer.asset(body, ins={"raw": dg.AssetIn()})
    materialize(instance, raw, model)
    assert trainer.graph.raced
    # the lineage has the events at the start of the body
    assert trainer.graph.inputs()[0][0].data_version == "raw-1"


def test_an_event_between_the_step_s_start_and_its_body_is_a_race(
    instance: dg.DagsterInstance, trainer: Trainer
) -> None:
    class Overtaking(dg.IOManager):
        def handle_output(self, context: dg.OutputContext, obj: object) -> None: ...

        def load_input(self, context: dg.InputContext) -> int:
            instance.report_runless_asset_event(dg.AssetMaterialization("raw"))
            return 1

    model = trainer.asset(ins={"raw": dg.AssetIn()})
    materialize(instance, raw)
    materialize(instance, raw, model, only="model", resources={"io_manager": Overtaking()})
    assert trainer.graph.raced


def test_an_input_that_changes_while_it_is_read_is_read_again(
    instance: dg.DagsterInstance, trainer: Trainer
) -> None:
    loads = []

    class Restless(dg.IOManager):
        def handle_output(self, context: dg.OutputContext, obj: object) -> None: ...

        def load_input(self, context: dg.InputContext) -> int:
            loads.append(len(loads))
            if len(loads) == 1:
                instance.report_runless_asset_event(
                    dg.AssetMaterialization("raw", tags={"dagster/data_version": "raw-2"})
                )
            return len(loads)

    values = []
    model = trainer.asset(lambda inputs, _: values.append(inputs.read(raw)), deps=[raw])
    materialize(instance, raw)
    materialize(instance, raw, model, only="model", resources={"io_manager": Restless()})
    assert values == [2]
    assert trainer.graph.inputs()[0][0].data_version == "raw-2"
    assert trainer.graph.raced


def test_an_observed_source_is_an_observation(
    instance: dg.DagsterInstance, trainer: Trainer
) -> None:
    @dg.observable_source_asset
    def landing() -> dg.DataVersion:
        return dg.DataVersion("landing-7")

    model = trainer.asset(deps=[landing])
    instance.report_runless_asset_event(
        dg.AssetObservation("landing", tags={"dagster/data_version": "landing-7"})
    )
    materialize(instance, model, landing, only="model")
    assert trainer.inputs() == [("landing", None, "observation", "declared")]
    assert trainer.graph.inputs()[0][0].data_version == "landing-7"


def test_an_input_without_an_event_is_missing(
    instance: dg.DagsterInstance, trainer: Trainer
) -> None:
    model = trainer.asset(deps=[dg.AssetSpec("elsewhere")])
    materialize(instance, model)
    assert trainer.inputs() == [("elsewhere", None, "missing", "declared")]


def test_an_asset_of_another_code_location_is_found_on_the_instance(
    instance: dg.DagsterInstance, trainer: Trainer
) -> None:
    recorded(instance, "raw", None, "raw-1")
    model = trainer.asset(deps=[dg.AssetKey("raw")])
    materialize(instance, model)
    assert trainer.inputs() == [("raw", None, "materialization", "declared")]


def test_partitions_that_the_location_does_not_define_are_only_possible(
    instance: dg.DagsterInstance, trainer: Trainer
) -> None:
    day(instance, 1)
    materialize(instance, trainer.asset(deps=[dg.AssetKey("days")]))
    assert trainer.certainties() == [
        ("days", "2024-01-01", Certainty.POSSIBLE),
        ("days", None, Certainty.UNKNOWN),
    ]


def test_wiped_events_become_missing_nodes(instance: dg.DagsterInstance, trainer: Trainer) -> None:
    materialize(instance, raw, features)
    instance.wipe_assets([dg.AssetKey("raw")])
    materialize(instance, raw, features, trainer.asset(deps=[features]), only="model")
    missing = [node for node in trainer.graph.nodes if node.kind is NodeKind.MISSING]
    assert [(node.asset, node.data_version) for node in missing] == [("raw", "raw-1")]
    assert missing[0].storage_id is not None


def test_the_upstream_partition_of_an_input_is_found_by_its_data_version(
    instance: dg.DagsterInstance, trainer: Trainer
) -> None:
    @dg.asset(partitions_def=DAYS)
    def clean(days: str) -> None: ...

    model = trainer.asset(ins={"clean": dg.AssetIn()}, partitions_def=DAYS)
    for number in (1, 2):
        day(instance, number)
    # Dagster's pointer on this event refers to 2024-01-02, the newest of any partition.
    materialize(instance, days, clean, only="clean", partition_key="2024-01-01")
    materialize(instance, days, clean, model, only="model", partition_key="2024-01-01")
    found = [(node.asset, node.partition, node.kind) for node in trainer.graph.nodes[1:]]
    assert found == [
        ("clean", "2024-01-01", NodeKind.MATERIALIZATION),
        ("days", "2024-01-01", NodeKind.MATERIALIZATION),
    ]


def test_all_partitions_upstream_of_a_body_with_its_own_reads_are_possible(
    instance: dg.DagsterInstance, trainer: Trainer
) -> None:
    @dg.asset(deps=[days])
    def whole() -> None: ...

    for number in (1, 2):
        day(instance, number)
    materialize(instance, days, whole, only="whole")
    materialize(instance, whole, trainer.asset(deps=[whole]), only="model")
    assert trainer.certainties()[1:] == [
        ("days", "2024-01-01", Certainty.POSSIBLE),
        ("days", "2024-01-02", Certainty.POSSIBLE),
        ("days", None, Certainty.UNKNOWN),
    ]


def test_a_partition_without_an_event_is_missing(
    instance: dg.DagsterInstance, trainer: Trainer
) -> None:
    model = trainer.asset(
        lambda inputs, _: inputs.read(days, partitions=["2024-01-01", "2024-01-05"]), deps=[days]
    )
    day(instance, 1)
    materialize(instance, days, model, only="model")
    assert [item[1:3] for item in trainer.inputs()] == [
        ("2024-01-01", "materialization"),
        ("2024-01-05", "missing"),
    ]


def test_lineage_is_captured_on_an_ephemeral_instance_and_on_sqlite(trainer: Trainer) -> None:
    model = trainer.asset(ins={"features": dg.AssetIn()})
    dg.materialize([raw, features, model], resources={"io_manager": Echo()})
    with dg.instance_for_test() as instance:
        materialize(instance, raw, features, model)
    for graph in trainer.graphs:
        assert [node.asset for node in graph.nodes] == ["model", "features", "raw"]
        assert not graph.raced


def test_a_partition_is_loaded_through_the_io_manager_of_the_asset(
    instance: dg.DagsterInstance, trainer: Trainer, tmp_path: Path
) -> None:
    class Folder(dg.ConfigurableIOManager):
        root: str

        def handle_output(self, context: dg.OutputContext, obj: object) -> None:
            (Path(self.root) / context.partition_key).write_bytes(pickle.dumps(obj))

        def load_input(self, context: dg.InputContext) -> object:
            assert context.upstream_output is not None
            assert context.upstream_output.definition_metadata["schema"] == "public"
            assert context.asset_partitions_def == DAYS
            assert context.dagster_type.typing_type is str
            return pickle.loads((Path(self.root) / context.asset_partition_key).read_bytes())

    @dg.asset(partitions_def=DAYS, io_manager_key="folder", metadata={"schema": "public"})
    def stored(context: dg.AssetExecutionContext) -> str:
        return context.partition_key

    values: dict[str, str] = {}

    @dg.asset(deps=[stored], required_resource_keys={"folder"})
    def model(context: dg.AssetExecutionContext) -> None:
        capture = LineageCapture(context, context.asset_key)
        inputs = ModelInputs(context, (capture,), [source_of(stored)])
        values.update(inputs.read(stored, partitions=["2024-01-03"], as_type=str))

    resources = {"folder": Folder(root=str(tmp_path))}
    materialize(instance, stored, partition_key="2024-01-03", resources=resources)
    assert materialize(instance, stored, model, only="model", resources=resources).success
    assert values == {"2024-01-03": "2024-01-03"}


def test_more_materializations_than_a_page_hide_no_partition(
    instance: dg.DagsterInstance, monkeypatch: pytest.MonkeyPatch
) -> None:
    for partition in ("2024-01-01", *["2024-01-02"] * 6):
        instance.report_runless_asset_event(dg.AssetMaterialization("days", partition=partition))
    monkeypatch.setattr("pedigree.dagster.capture.event_log._PAGE", 3)
    found: dict[str | None, AssetEvent] = latest(
        instance, dg.AssetKey("days"), ["2024-01-01", "2024-01-02", "2024-01-09"]
    )
    assert sorted(filter(None, found)) == ["2024-01-01", "2024-01-02"]


def test_upstream_partitions_take_one_query_per_level(
    instance: dg.DagsterInstance, trainer: Trainer, monkeypatch: pytest.MonkeyPatch
) -> None:
    @dg.asset(partitions_def=DAYS)
    def clean(days: str) -> None: ...

    chosen = [f"2024-01-{number:02}" for number in range(1, 6)]
    for number in range(1, 6):
        day(instance, number)
    for partition in chosen:
        materialize(instance, days, clean, only="clean", partition_key=partition)
    asked: list[dg.AssetKey] = []
    fetch = events_module._fetch
    monkeypatch.setattr(
        events_module,
        "_fetch",
        lambda *words, **more: asked.append(words[1].asset_key) or fetch(*words, **more),
    )
    body = lambda inputs, _: (inputs.read(clean, partitions=chosen), asked.clear())  # noqa: E731
    materialize(instance, days, clean, trainer.asset(body, deps=[clean]), only="model")
    found = [(node.asset, node.partition) for node in trainer.graph.nodes[1:]]
    assert found == [("clean", each) for each in chosen] + [("days", each) for each in chosen]
    # the second look-up of the inputs: their materializations and their observations
    assert asked.count(dg.AssetKey("clean")) == 2
    # the upstream asset: its newest event
    assert asked.count(dg.AssetKey("days")) <= 1


def test_sources_beyond_the_limit_are_missing(
    instance: dg.DagsterInstance, trainer: Trainer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pedigree.dagster.capture.upstream_closure.LEVEL_LIMIT", 0)
    materialize(instance, raw, features)
    materialize(instance, raw, features, trainer.asset(deps=[features]), only="model")
    found = [(node.asset, node.kind, node.data_version) for node in trainer.graph.nodes[1:]]
    assert found == [
        ("features", NodeKind.MATERIALIZATION, "features-1"),
        ("raw", NodeKind.MISSING, "raw-1"),
    ]
