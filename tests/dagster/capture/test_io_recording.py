"""Recording of reads with every kind of IO manager, and what must not change."""

import base64
import json
import zlib
from collections.abc import Callable, Iterator
from typing import Any

import dagster as dg
import pytest

from pedigree.dagster import model_asset, record_read, with_lineage
from pedigree.dagster.capture.recorded_reads import Reads, decoded, encoded
from pedigree.errors import InvalidInputError
from pedigree.lineage.records import Certainty
from pedigree.registry import Registry
from tests.dagster.models import trained
from tests.dagster.recorded import (
    VALUES,
    MemoryIOManager,
    RecordedLocation,
    certainties,
    edges,
    graph_fixture,
)

graph = graph_fixture
LETTERS = dg.StaticPartitionsDefinition(["a", "b"])
READS = "pedigree/reads"


@dg.asset(partitions_def=LETTERS)
def raw(context: dg.AssetExecutionContext) -> str:
    return context.partition_key


@dg.asset(code_version="1")
def whole() -> int:
    return 1


class Plain(dg.IOManager):
    """An IO manager without config."""

    bucket = "a bucket"

    def handle_output(self, context: dg.OutputContext, obj: object) -> None:
        VALUES[context.asset_key, None] = obj

    def load_input(self, context: dg.InputContext) -> object:
        return VALUES[context.asset_key, None]


class Factory(dg.ConfigurableIOManagerFactory[dg.IOManager]):
    """An IO manager that a factory creates."""

    label: str = "a factory"

    def create_io_manager(self, context: dg.InitResourceContext) -> dg.IOManager:
        return Plain()


class Nested(dg.ConfigurableIOManager):
    """An IO manager with a nested resource and a set-up."""

    inner: dg.ResourceDependency[MemoryIOManager]
    _open: bool = False

    def setup_for_execution(self, context: dg.InitResourceContext) -> None:
        self._open = True

    def handle_output(self, context: dg.OutputContext, obj: object) -> None:
        self.inner.handle_output(context, obj)

    def load_input(self, context: dg.InputContext) -> object:
        assert self._open
        return self.inner.load_input(context)


CLOSED: list[str] = []


@dg.io_manager(config_schema={"name": str})
def managed(context: dg.InitResourceContext) -> Iterator[dg.IOManager]:
    try:
        yield Plain()
    finally:
        CLOSED.append(context.resource_config["name"])


@dg.io_manager
def without_context() -> dg.IOManager:
    return Plain()


MANAGERS: dict[str, dict[str, Any]] = {
    "none but Dagster's default": {},
    "an object": {"io_manager": Plain()},
    "a ConfigurableIOManager": {"io_manager": MemoryIOManager()},
    "a factory": {"io_manager": Factory()},
    "one with a nested resource": {"io_manager": Nested(inner=MemoryIOManager())},
    "a definition": {"io_manager": dg.IOManagerDefinition.hardcoded_io_manager(Plain())},
    "a function": {"io_manager": without_context},
    "a function that cleans up": {"io_manager": managed.configured({"name": "it"})},
    "one to be configured at launch": {"io_manager": MemoryIOManager.configure_at_launch()},
}


def recorded(instance: dg.DagsterInstance, key: str, partition: str | None = None) -> Any:
    records_filter = dg.AssetRecordsFilter(
        dg.AssetKey(key), asset_partitions=[partition] if partition else None
    )
    (record,) = instance.fetch_materializations(records_filter, limit=1).records
    assert record.asset_materialization is not None
    return decoded(record.asset_materialization.metadata.get(READS))


def newest(instance: dg.DagsterInstance, key: str) -> int:
    return instance.fetch_materializations(dg.AssetKey(key), limit=1).records[0].storage_id


@pytest.mark.parametrize("resources", MANAGERS.values(), ids=MANAGERS)
def test_loads_of_every_kind_of_io_manager_are_recorded(
    instance: dg.DagsterInstance, resources: dict[str, Any]
) -> None:
    @dg.asset
    def copy(whole: int) -> int:
        return whole

    VALUES.clear()
    CLOSED.clear()
    defs = with_lineage(dg.Definitions([whole, copy], resources=resources))
    job = defs.resolve_implicit_global_asset_job_def()
    assert job.execute_in_process(instance=instance).success
    expected = {dg.AssetKey("whole"): {None: (newest(instance, "whole"),)}}
    assert recorded(instance, "copy").loaded == expected
    assert not instance.fetch_observations(dg.AssetKey("whole"), limit=1).records
    assert CLOSED in ([], ["it"])


def test_an_asset_s_own_manager_and_an_input_manager_record(instance: dg.DagsterInstance) -> None:
    @dg.asset(io_manager_def=dg.IOManagerDefinition.hardcoded_io_manager(Plain()))
    def own() -> int:
        return 1

    @dg.input_manager
    def reader() -> int:
        return 5

    @dg.asset(ins={"whole": dg.AssetIn(input_manager_key="reader")})
    def copy(own: int, whole: int) -> int:
        return own + whole

    defs = with_lineage(dg.Definitions([own, whole, copy], resources={"reader": reader}))
    job = defs.resolve_implicit_global_asset_job_def()
    result = job.execute_in_process(instance=instance)
    assert result.output_for_node("copy") == 6
    assert recorded(instance, "copy").keys == {dg.AssetKey("own"), dg.AssetKey("whole")}


def test_a_manager_keeps_its_class_its_attributes_and_its_config(
    instance: dg.DagsterInstance,
) -> None:
    found: dict[str, Any] = {}

    @dg.asset(required_resource_keys={"io_manager", "kept"})
    def looks(context: dg.AssetExecutionContext) -> None:
        manager, kept = context.resources.io_manager, context.resources.kept
        found.update(bucket=manager.bucket, plain=isinstance(manager, Plain), label=kept.label)

    resources = {"io_manager": Plain(), "kept": MemoryIOManager.configure_at_launch()}
    defs = with_lineage(with_lineage(dg.Definitions([looks], resources=resources)))
    job = defs.resolve_implicit_global_asset_job_def()
    config = {"resources": {"kept": {"config": {"label": "set at launch"}}}}
    assert job.execute_in_process(instance=instance, run_config=config).success
    assert found == {"bucket": "a bucket", "plain": True, "label": "set at launch"}


def test_a_wrong_config_is_still_refused() -> None:
    defs = with_lineage(dg.Definitions([whole], resources={"io_manager": managed}))
    job = defs.resolve_implicit_global_asset_job_def()
    with pytest.raises(dg.DagsterInvalidConfigError):
        job.execute_in_process(run_config={"resources": {"io_manager": {"config": {"nam": 1}}}})


def test_applying_with_lineage_twice_records_once(instance: dg.DagsterInstance) -> None:
    asked: list[str] = []

    class Counting(Plain):
        def load_input(self, context: dg.InputContext) -> object:
            asked.append(context.asset_key.to_user_string())
            return super().load_input(context)

    @dg.asset
    def copy(whole: int) -> int:
        return whole

    once = with_lineage(dg.Definitions([whole, copy], resources={"io_manager": Counting()}))
    twice = with_lineage(once)
    assert twice.resources["io_manager"] is once.resources["io_manager"]
    job = twice.resolve_implicit_global_asset_job_def()
    assert job.execute_in_process(instance=instance).success
    assert asked == ["whole"]


def test_a_range_of_partitions_in_one_run_stores_its_record_once(
    instance: dg.DagsterInstance,
) -> None:
    days = dg.DailyPartitionsDefinition("2023-01-01", end_date="2024-01-01")
    single = dg.BackfillPolicy.single_run()

    @dg.asset(partitions_def=days, backfill_policy=single)
    def table(context: dg.AssetExecutionContext) -> dict[str, int]:
        return dict.fromkeys(context.partition_keys, 1)

    @dg.asset(partitions_def=days, backfill_policy=single)
    def clean(table: object) -> dict[str, int]:
        return {}

    VALUES.clear()
    defs = with_lineage(dg.Definitions([table, clean], resources={"io_manager": MemoryIOManager()}))
    job = defs.resolve_implicit_global_asset_job_def()
    ends = {
        "dagster/asset_partition_range_start": "2023-01-01",
        "dagster/asset_partition_range_end": "2023-12-31",
    }
    assert job.execute_in_process(instance=instance, tags=ends).success
    first = recorded(instance, "clean", "2023-01-01")
    assert len(first.of(dg.AssetKey("table"))) == 365
    assert recorded(instance, "clean", "2023-12-31") == "2023-01-01"


def test_a_record_of_ten_thousand_partitions_is_small() -> None:
    partitions = {
        f"2026-11-29-{number:05}|a region": (number + 7_000_000,) for number in range(10_000)
    }
    reads = Reads(loaded={dg.AssetKey(["a", "long", "key"]): dict(partitions)})
    value = encoded(reads)
    assert len(json.dumps(value.value)) < 1_000_000
    assert decoded(value) == reads


def test_a_body_records_its_own_reads(
    graph: Callable[..., RecordedLocation], pedigree: Registry
) -> None:
    @dg.asset(deps=[raw, whole])
    def table(context: dg.AssetExecutionContext) -> None:
        record_read(context, raw, ["a"])

    @model_asset(name="risk", flavor="generic", deps=[table])
    def risk(context: dg.AssetExecutionContext) -> Any:
        record_read(context, "table")
        return trained("risk")

    location = graph(raw, whole, table, risk)
    location.run_partitions("raw", ["a", "b"])
    location.run("whole")
    location.run("table")
    location.run(risk.key)
    assert edges(pedigree, "risk/1") == {
        ("models/risk", "table", None, Certainty.READ),
        ("table", "raw", "a", Certainty.READ),
        # declared, without a recorded read
        ("table", "whole", None, Certainty.POSSIBLE),
    }
    assert certainties(pedigree, "raw", "b") == {}


def test_a_read_without_partitions_covers_all_existing_ones(instance: dg.DagsterInstance) -> None:
    @dg.asset(deps=[raw])
    def table(context: dg.AssetExecutionContext) -> None:
        record_read(context, raw)

    for letter in "ab":
        dg.materialize([raw], instance=instance, partition_key=letter)
    dg.materialize([raw, table], instance=instance, selection=["table"])
    assert set(recorded(instance, "table").of(dg.AssetKey("raw"))) == {"a", "b"}


def test_an_empty_list_of_partitions_is_refused(instance: dg.DagsterInstance) -> None:
    @dg.asset(deps=[raw])
    def table(context: dg.AssetExecutionContext) -> None:
        record_read(context, raw, [])

    with pytest.raises(InvalidInputError, match="contains no partition key"):
        dg.materialize([raw, table], instance=instance, selection=["table"])


def test_an_input_that_changes_while_it_is_loaded_is_only_possible(
    graph: Callable[..., RecordedLocation], pedigree: Registry, instance: dg.DagsterInstance
) -> None:
    class Overtaken(MemoryIOManager):
        def load_input(self, context: dg.InputContext) -> object:
            instance.report_runless_asset_event(dg.AssetMaterialization(context.asset_key))
            return 1

    @dg.asset
    def copy(whole: int) -> int:
        return whole

    @model_asset(name="risk", flavor="generic", deps=[copy])
    def risk() -> Any:
        return trained("risk")

    location = graph(whole, copy, risk, resources={"io_manager": Overtaken()})
    location.run("whole", "copy")
    location.run(risk.key)
    found = [edge for edge in edges(pedigree, "risk/1") if edge[1] == "whole"]
    assert {edge[3] for edge in found} == {Certainty.POSSIBLE}


def test_archived_events_survive_a_wipe(
    graph: Callable[..., RecordedLocation], pedigree: Registry
) -> None:
    @dg.asset(partitions_def=LETTERS)
    def features(raw: str) -> str:
        return raw

    @model_asset(name="risk", flavor="generic")
    def risk(features: object) -> Any:
        return trained("risk")

    location = graph(raw, features, risk)
    location.run_partitions("raw", ["a", "b"])
    location.run_partitions("features", ["a", "b"])
    location.follow()
    location.instance.wipe_assets([dg.AssetKey("raw")])
    location.run(risk.key)
    assert certainties(pedigree, "raw", "a") == {"risk/1": Certainty.READ}
    assert certainties(pedigree, "raw", "c") == {}


def test_only_events_that_were_wiped_before_archiving_are_unknown(
    graph: Callable[..., RecordedLocation], pedigree: Registry
) -> None:
    @dg.asset
    def landing() -> int:
        return 1

    @dg.asset
    def other() -> int:
        return 1

    @dg.asset(partitions_def=LETTERS)
    def source(landing: int) -> int:
        return 1

    @dg.asset(partitions_def=LETTERS)
    def features(source: int) -> int:
        return 1

    @model_asset(name="risk", flavor="generic")
    def risk(features: object, other: int) -> Any:
        return trained("risk")

    location = graph(landing, other, source, features, risk)
    location.run("landing", "other")
    location.run_partitions("source", ["a"])
    location.run_partitions("features", ["a"])
    location.instance.wipe_assets([dg.AssetKey("source")])
    location.run(risk.key)
    assert certainties(pedigree, "source", "a") == {"risk/1": Certainty.READ}
    assert certainties(pedigree, "landing") == {"risk/1": Certainty.UNKNOWN}
    assert certainties(pedigree, "elsewhere") == {}


def test_every_month_of_every_asset_three_hops_upstream_lists_the_version(
    graph: Callable[..., RecordedLocation], pedigree: Registry
) -> None:
    months = dg.MonthlyPartitionsDefinition("2024-01-01", end_date="2026-01-01")
    single = dg.BackfillPolicy.single_run()

    def monthly(name: str, *upstream: str) -> dg.AssetsDefinition:
        ins = {each: dg.AssetIn(each) for each in upstream}

        @dg.asset(name=name, ins=ins, partitions_def=months, backfill_policy=single)
        def made(**inputs: object) -> int:
            return 1

        return made

    bureau, loans, features = (
        monthly("bureau"),
        monthly("loans", "bureau"),
        monthly("features", "loans"),
    )

    @dg.asset
    def train(features: object) -> int:
        return 1

    @model_asset(name="risk", flavor="generic")
    def risk(train: int) -> Any:
        return trained("risk")

    location = graph(bureau, loans, features, train, risk)
    names = list(months.get_partition_keys())
    assert len(names) == 24
    ends = {
        "dagster/asset_partition_range_start": names[0],
        "dagster/asset_partition_range_end": names[-1],
    }
    for asset in ("bureau", "loans", "features"):
        location.run(asset, tags=ends)
    location.run("train")
    location.run(risk.key)
    for asset in ("bureau", "loans", "features"):
        for name in names:
            assert certainties(pedigree, asset, name) == {"risk/1": Certainty.READ}


@pytest.mark.parametrize(
    "record",
    [
        {"zlib": base64.b64encode(zlib.compress(bytes(100 << 20))).decode()},
        {"zlib": base64.b64encode(zlib.compress(b"[" * 100_000)).decode()},
        {"zlib": base64.b64encode(b"nonsense").decode()},
        {"zlib": "not base64"},
        {"zlib": 3},
        {"loaded": []},
        {"loaded": {"a": {"p": ["x"]}}},
    ],
)
def test_a_record_that_cannot_be_read_is_none(record: dict[str, Any]) -> None:
    assert decoded(dg.MetadataValue.json(record)) is None
