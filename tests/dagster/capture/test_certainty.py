"""Certainty of the lineage of a version beyond the direct inputs of its training."""

from collections.abc import Callable, Iterator
from typing import Any

import dagster as dg
import pytest

from pedigree.dagster import (
    ModelInputs,
    ModelOut,
    RegistryResource,
    TrainedModel,
    model_asset,
    model_multi_asset,
    stage_key,
)
from pedigree.dagster.assets.model_out import MODEL_IO_MANAGER_KEY
from pedigree.lineage.records import Certainty
from pedigree.registry import Registry
from tests.dagster.models import trained
from tests.dagster.recorded import (
    MemoryIOManager,
    RecordedLocation,
    certainties,
    edges,
    graph_fixture,
)
from tests.factories import free_policy

MONTHS = dg.StaticPartitionsDefinition([f"2026-{month:02}-01" for month in range(1, 4)])
DAYS = dg.DailyPartitionsDefinition("2024-01-01", end_date="2024-01-04")
graph = graph_fixture
READ, PROVED, POSSIBLE, UNKNOWN = (
    Certainty.READ,
    Certainty.PROVED,
    Certainty.POSSIBLE,
    Certainty.UNKNOWN,
)


# --- Fan-in


@dg.asset(partitions_def=MONTHS)
def bureau(context: dg.AssetExecutionContext) -> str:
    return context.partition_key


@dg.asset(partitions_def=MONTHS)
def loans(bureau: object) -> object:
    return bureau


@dg.asset(partitions_def=MONTHS)
def features(loans: object) -> object:
    return loans


@dg.asset
def train(features: object) -> object:
    return features


@model_asset(name="risk", flavor="generic")
def risk(train: object) -> TrainedModel:
    return trained(f"risk {train}")


FAN_IN = (bureau, loans, features, train, risk)


@pytest.mark.parametrize("hook", [True, False])
def test_every_month_upstream_of_a_fan_in_reaches_the_version(
    graph: Callable[..., RecordedLocation], pedigree: Registry, hook: bool
) -> None:
    location = graph(*FAN_IN, hook=hook)
    months = list(MONTHS.get_partition_keys())
    for asset in ("bureau", "loans", "features"):
        location.run_partitions(asset, months)
    location.run("train")
    location.run(risk.key)
    expected = READ if hook else PROVED
    for asset in ("bureau", "loans", "features"):
        for month in months:
            assert certainties(pedigree, asset, month) == {"risk/1": expected}, (asset, month)
        assert certainties(pedigree, asset) == {"risk/1": expected}
        assert certainties(pedigree, asset, "2030-01-01") == {}
    kinds = {node.kind.value for node in pedigree.lineage("risk/1").nodes}
    assert kinds == {"step", "materialization"}


def test_a_quarantine_of_one_month_marks_the_version_that_holds_production(
    graph: Callable[..., RecordedLocation], pedigree: Registry
) -> None:
    location = graph(*FAN_IN)
    for asset in ("bureau", "loans", "features"):
        location.run_partitions(asset, list(MONTHS.get_partition_keys()))
    location.run("train")
    location.run(risk.key)
    pedigree.set_policy("risk", free_policy())
    pedigree.promote("risk/1", "staging")
    pedigree.promote("risk/1", "production")
    found = pedigree.quarantine("loans", partition="2026-02-01", reason="doubled rows")
    assert found.versions == ("risk/1",)
    assert pedigree.get("risk/1").quarantine_reason == "doubled rows"


# --- Equal data versions


def equal_days() -> tuple[dg.AssetsDefinition, ...]:
    @dg.asset(partitions_def=DAYS, code_version="1")
    def raw() -> int:
        return 1

    @dg.asset(partitions_def=DAYS)
    def clean(raw: object) -> object:
        return raw

    @model_asset(name="daily", flavor="generic", partitions_def=DAYS)
    def daily(context: dg.AssetExecutionContext, clean: object) -> TrainedModel:
        return trained(f"daily {context.partition_key} {clean}")

    return raw, clean, daily


def run_days(location: RecordedLocation, model: dg.AssetsDefinition) -> list[str]:
    days = list(DAYS.get_partition_keys())
    for day in days:
        location.run("raw", partition_key=day)
    for day in days:
        location.run("clean", partition_key=day)
        location.run(model.key, partition_key=day)
    return days


def test_a_recorded_read_distinguishes_partitions_with_equal_data_versions(
    graph: Callable[..., RecordedLocation], pedigree: Registry
) -> None:
    raw, clean, daily = equal_days()
    days = run_days(graph(raw, clean, daily), daily)
    for day in days:
        assert certainties(pedigree, "raw", day) == {f"daily-{day}/1": READ}


def test_without_a_record_equal_data_versions_prove_no_partition(
    graph: Callable[..., RecordedLocation], pedigree: Registry
) -> None:
    raw, clean, daily = equal_days()
    days = run_days(graph(raw, clean, daily, hook=False), daily)
    everyone = {f"daily-{day}/1": POSSIBLE for day in days}
    for day in days:
        assert certainties(pedigree, "raw", day) == everyone
    # It may also have read events that are deleted by now, so another day is not ruled out.
    assert set(certainties(pedigree, "raw", "2023-12-31").values()) == {UNKNOWN}
    found = pedigree.quarantine("raw", partition=days[0], reason="bad", only_certain=True)
    assert found.versions == ()


# --- Assets made in the model's own step


@dg.asset
def customers() -> int:
    return 3


def test_an_asset_of_the_same_step_does_not_hide_its_inputs(
    graph: Callable[..., RecordedLocation], pedigree: Registry
) -> None:
    tab = dg.AssetKey("tab")

    @model_multi_asset(
        outs={"table": dg.AssetOut(key=tab), "model": ModelOut("churn", flavor="generic")},
        internal_asset_deps={"table": {customers.key}, "model": {tab}},
    )
    def both(customers: int) -> tuple[int, TrainedModel]:
        return customers, trained(f"churn {customers}")

    location = graph(customers, both)
    location.run("customers")
    location.run(tab, dg.AssetKey(["models", "churn"]))
    assert certainties(pedigree, "customers") == {"churn/1": READ}
    assert certainties(pedigree, "tab") == {"churn/1": POSSIBLE}
    assert ("tab", "customers", None, READ) in edges(pedigree, "churn/1")
    assert pedigree.quarantine("customers", reason="bad").versions == ("churn/1",)


def test_an_output_that_uses_a_model_through_another_output_is_a_usage(
    graph: Callable[..., RecordedLocation], pedigree: Registry
) -> None:
    @model_asset(name="churn", flavor="generic")
    def churn() -> TrainedModel:
        return trained("churn")

    table, scores = dg.AssetKey("table"), dg.AssetKey("scores")

    @dg.multi_asset(
        ins={"model": dg.AssetIn(churn.key)},
        outs={"table": dg.AssetOut(key=table), "scores": dg.AssetOut(key=scores)},
        internal_asset_deps={"table": {churn.key}, "scores": {table}},
    )
    def scoring(model: object) -> tuple[int, int]:
        return 1, 2

    location = graph(churn, scoring)
    location.run(churn.key)
    location.run(table, scores)
    assert {use.asset for use in pedigree.downstream("churn/1").usages} == {"table", "scores"}


# --- RecordedLocation-backed assets


@dg.op
def halve(customers: int) -> float:
    return customers / 2


@dg.op(out=dg.Out(io_manager_key=MODEL_IO_MANAGER_KEY))
def fit(half: float, loans: object) -> TrainedModel:
    return trained(f"churn {half} {loans}")


@pytest.mark.parametrize("hook", [True, False])
def test_a_graph_backed_asset_records_the_reads_of_all_its_ops(
    graph: Callable[..., RecordedLocation],
    pedigree: Registry,
    resources: dict[str, Any],
    hook: bool,
) -> None:
    @dg.graph_asset(
        name="churn",
        key_prefix="managed",
        metadata={"pedigree/model": "churn", "pedigree/flavor": "generic"},
    )
    def churn(customers: int, loans: object) -> TrainedModel:
        return fit(halve(customers), loans)

    location = graph(
        customers,
        bureau,
        loans,
        churn,
        hook=hook,
    )
    location.run("customers")
    location.run_partitions("bureau", ["2026-01-01"])
    location.run_partitions("loans", ["2026-01-01"])
    location.run(dg.AssetKey(["managed", "churn"]))
    assert certainties(pedigree, "customers") == {"churn/1": READ}
    assert certainties(pedigree, "loans", "2026-01-01") == {"churn/1": READ}


def test_an_op_of_a_graph_backed_asset_registers_with_the_bound_registry(
    graph: Callable[..., RecordedLocation], pedigree: Registry
) -> None:
    @dg.op
    def register(context: dg.OpExecutionContext, half: float, registry: RegistryResource) -> int:
        made = registry.bind(context).register("churn", trained(f"churn {half}"), flavor="generic")
        return made.version.version_id

    @dg.graph_asset
    def registered(customers: int) -> int:
        return register(halve(customers))

    location = graph(customers, registered)
    location.run("customers")
    location.run("registered")
    assert certainties(pedigree, "customers") == {"churn/1": READ}


def test_a_model_that_an_asset_registers_has_the_inputs_of_the_asset(
    graph: Callable[..., RecordedLocation], pedigree: Registry
) -> None:
    @dg.asset
    def report(
        context: dg.AssetExecutionContext, customers: int, registry: RegistryResource
    ) -> int:
        registry.bind(context).register("churn", trained(f"churn {customers}"), flavor="generic")
        return customers

    location = graph(customers, report)
    location.run("customers")
    location.run("report")
    assert certainties(pedigree, "customers") == {"churn/1": READ}


def test_a_changed_partition_mapping_does_not_prove_reads(
    graph: Callable[..., RecordedLocation], pedigree: Registry
) -> None:
    def chain(offset: int) -> tuple[dg.AssetsDefinition, ...]:
        mapping = dg.TimeWindowPartitionMapping(start_offset=offset, end_offset=offset)

        @dg.asset(partitions_def=DAYS)
        def raw(context: dg.AssetExecutionContext) -> str:
            return context.partition_key

        @dg.asset(
            partitions_def=DAYS,
            ins={"raw": dg.AssetIn(partition_mapping=mapping)},
        )
        def clean(raw: object) -> object:
            return raw

        @model_asset(name="daily", flavor="generic", partitions_def=DAYS)
        def daily(context: dg.AssetExecutionContext, clean: object) -> TrainedModel:
            return trained(f"daily {context.partition_key} {clean}")

        return raw, clean, daily

    before = graph(*chain(-1), hook=False)
    before.run_partitions("raw", list(DAYS.get_partition_keys()))
    before.run("clean", partition_key="2024-01-02")
    raw, clean, daily = chain(0)
    graph(raw, clean, daily, hook=False).run(daily.key, partition_key="2024-01-02")
    version = "daily-2024-01-02/1"
    # The data versions differ by day, so Dagster's hash identifies the day.
    assert certainties(pedigree, "raw", "2024-01-01") == {version: PROVED}
    # The mapping may also have included a partition without an event.
    assert certainties(pedigree, "raw", "2024-01-02") == {version: UNKNOWN}


def test_a_model_trained_on_a_stage_depends_on_what_that_version_was_trained_on(
    graph: Callable[..., RecordedLocation], pedigree: Registry, resources: dict[str, Any]
) -> None:
    @model_asset(name="teacher", flavor="generic")
    def teacher(customers: int) -> TrainedModel:
        return trained(f"teacher {customers}")

    stage = stage_key("teacher", "staging")

    @model_asset(name="pupil", flavor="generic", ins={"model": dg.AssetIn(stage)})
    def pupil(model: object) -> TrainedModel:
        return trained("pupil")

    location = graph(customers, teacher, pupil)
    location.run("customers")
    location.run(teacher.key)
    pedigree.set_policy("teacher", free_policy())
    pedigree.promote("teacher/1", "staging")
    location.run(stage)
    location.run("customers")
    location.run(teacher.key)  # the same digest: the second training of version 1
    location.run(pupil.key)
    found = edges(pedigree, "pupil/1")
    assert {(source, certainty) for _, source, _, certainty in found} == {
        ("models/teacher/staging", READ),
        ("models/teacher", READ),
        ("customers", READ),
    }


def test_an_unpartitioned_model_keeps_its_name_in_a_partitioned_run(
    graph: Callable[..., RecordedLocation], pedigree: Registry
) -> None:
    @model_asset(name="risk", flavor="generic", deps=[bureau])
    def whole() -> TrainedModel:
        return trained("risk")

    location = graph(bureau, whole)
    location.run("bureau", whole.key, partition_key="2026-01-01")
    assert [model.name for model in pedigree.models()] == ["risk"]
    assert certainties(pedigree, "bureau", "2026-01-01") == {"risk/1": POSSIBLE}


def test_the_newest_observation_of_an_asset_is_the_input(
    graph: Callable[..., RecordedLocation], pedigree: Registry, instance: dg.DagsterInstance
) -> None:
    @model_asset(name="risk", flavor="generic")
    def risk(landing: object) -> TrainedModel:
        return trained("risk")

    version = {"dagster/data_version": "two"}
    for event in (
        dg.AssetMaterialization("landing", tags={"dagster/data_version": "one"}),
        dg.AssetObservation("landing", tags=version),
        dg.AssetObservation("landing", metadata={"seen by": "somebody"}),
    ):
        instance.report_runless_asset_event(event)
    graph(dg.AssetSpec("landing"), risk).run(risk.key)
    ((node, _),) = pedigree.lineage("risk/1").inputs()
    assert (node.kind.value, node.data_version) == ("observation", "two")


def test_undeclared_inputs_of_a_deleted_step_are_unknown(
    graph: Callable[..., RecordedLocation], pedigree: Registry
) -> None:
    @dg.multi_asset(
        ins={"customers": dg.AssetIn(), "landing": dg.AssetIn()},
        outs={"left": dg.AssetOut(), "right": dg.AssetOut()},
        internal_asset_deps={
            "left": {dg.AssetKey("customers")},
            "right": {dg.AssetKey("landing")},
        },
    )
    def split(customers: int, landing: int) -> tuple[int, int]:
        return customers, landing

    @dg.asset
    def landing() -> int:
        return 4

    @dg.asset
    def features(left: int) -> int:
        return left

    @model_asset(name="risk", flavor="generic")
    def risk(features: int) -> TrainedModel:
        return trained("risk")

    location = graph(customers, landing, split, features, risk)
    location.run("customers", "landing", "left", "right")
    location.run("features")
    location.instance.wipe_assets([dg.AssetKey("left"), dg.AssetKey("right")])
    location.run(risk.key)
    assert certainties(pedigree, "landing") == {"risk/1": UNKNOWN}


def partial_split(table: str = "landing", name: str = "table") -> dg.AssetsDefinition:
    """Two assets of one step, which can be made apart; only `left` declares the table."""

    @dg.multi_asset(
        ins={name: dg.AssetIn(dg.AssetKey(table)), "customers": dg.AssetIn()},
        outs={each: dg.AssetOut(is_required=False) for each in ("left", "right")},
        internal_asset_deps={
            "left": {dg.AssetKey(table)},
            "right": {dg.AssetKey("customers")},
        },
        can_subset=True,
    )
    def split(context: dg.AssetExecutionContext, **inputs: int) -> Iterator[dg.Output[int]]:
        for made in sorted(context.op_execution_context.selected_output_names):
            yield dg.Output(sum(inputs.values()), made)

    return split


def chain_of_partial(
    graph: Callable[..., RecordedLocation],
    split: dg.AssetsDefinition,
    later: dg.AssetsDefinition,
    *,
    is_run_deleted: bool = False,
) -> None:
    """Make only `right` of a step, and train on it with a later definition of the step."""

    @dg.asset
    def landing() -> int:
        return 4

    @dg.asset
    def features(right: int) -> int:
        return right

    @model_asset(name="risk", flavor="generic")
    def risk(features: int) -> TrainedModel:
        return trained("risk")

    before = graph(customers, landing, split, features, hook=False)
    runs = {key: before.run(key).run_id for key in ("customers", "landing", "right", "features")}
    if is_run_deleted:
        before.instance.delete_run(runs["right"])
    other = dg.AssetSpec("other")
    graph(customers, landing, other, later, features, risk, hook=False).run(risk.key)


def test_the_inputs_of_a_step_that_made_only_some_of_its_assets_are_possible(
    graph: Callable[..., RecordedLocation], pedigree: Registry
) -> None:
    chain_of_partial(graph, partial_split(), partial_split())
    # `right` does not declare the table, but its body had it in hand.
    assert certainties(pedigree, "landing") == {"risk/1": POSSIBLE}
    assert certainties(pedigree, "customers") == {"risk/1": PROVED}


def test_without_the_log_of_such_a_run_its_inputs_are_possible_too(
    graph: Callable[..., RecordedLocation], pedigree: Registry
) -> None:
    chain_of_partial(graph, partial_split(), partial_split(), is_run_deleted=True)
    assert certainties(pedigree, "landing") == {"risk/1": POSSIBLE}


def test_an_input_that_a_later_definition_does_not_name_leaves_everything_upstream_unknown(
    graph: Callable[..., RecordedLocation], pedigree: Registry
) -> None:
    chain_of_partial(graph, partial_split(), partial_split("other", "later"))
    assert certainties(pedigree, "landing") == {"risk/1": UNKNOWN}
    assert certainties(pedigree, "an asset of another team") == {"risk/1": UNKNOWN}


def test_model_inputs_read_graph_backed_assets_and_assets_with_their_own_io_manager(
    graph: Callable[..., RecordedLocation], pedigree: Registry
) -> None:
    @dg.graph_asset
    def halved(customers: int) -> float:
        return halve(customers)

    @dg.asset(io_manager_def=dg.IOManagerDefinition.hardcoded_io_manager(MemoryIOManager()))
    def own() -> int:
        return 1

    @model_asset(name="risk", flavor="generic", deps=[halved, own])
    def risk(inputs: ModelInputs) -> TrainedModel:
        return trained(f"risk {inputs.read(halved)} {inputs.read(own)}")

    location = graph(customers, halved, own, risk)
    location.run("customers", "halved", "own")
    location.run(risk.key)
    for asset in ("halved", "own", "customers"):
        assert certainties(pedigree, asset) == {"risk/1": READ}


@pytest.mark.parametrize("hook", [True, False])
def test_an_older_event_is_not_taken_for_the_output_of_a_deleted_run(
    graph: Callable[..., RecordedLocation], pedigree: Registry, hook: bool
) -> None:
    @dg.asset
    def features(customers: int) -> dg.Output[int]:
        return dg.Output(customers, data_version=dg.DataVersion(str(len(runs))))

    @model_asset(name="risk", flavor="generic")
    def risk(features: int) -> TrainedModel:
        return trained("risk")

    runs: list[str] = []
    location = graph(customers, features, risk, hook=hook)
    location.run("customers")
    for _ in range(2):
        runs += [location.run("features").run_id]
    location.instance.delete_run(runs[-1])
    location.run(risk.key)
    found = pedigree.lineage("risk/1")
    ((node, _),) = found.inputs()
    assert (node.asset, node.data_version) == ("features", "1")
    assert next(edge.certainty for edge in found.edges) is READ
    assert set(certainties(pedigree, "customers")) == {"risk/1"}
