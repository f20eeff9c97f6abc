"""Outputs of one version: of assets that load it, and of assets that only depend on it."""

from collections.abc import Callable

import dagster as dg
import pytest

from pedigree.catalog.records import ModelVersion
from pedigree.dagster import RegistryResource, registry_definitions, stage_key
from pedigree.lineage.records import Capture
from pedigree.registry import Registry
from tests.dagster.models import churn_asset, recipe
from tests.factories import free_policy

CHURN = churn_asset(deps=["raw"])
PRODUCTION = stage_key("churn", "production")
MONTHS = dg.StaticPartitionsDefinition(["2013-01", "2013-02", "2013-03"])


@dg.asset(
    ins={"model": dg.AssetIn(PRODUCTION)},
    partitions_def=MONTHS,
    backfill_policy=dg.BackfillPolicy.single_run(),
    output_required=False,
)
def scores(context: dg.AssetExecutionContext, model: ModelVersion):
    for month in context.partition_keys:
        yield dg.AssetMaterialization(
            context.asset_key, partition=month, tags={"dagster/data_version": f"scored {month}"}
        )


@dg.asset(deps=[PRODUCTION])
def report(registry: RegistryResource) -> None:
    registry.connect().get("churn@production")


@dg.asset(ins={"model": dg.AssetIn(PRODUCTION)})
def breaks(model: ModelVersion) -> None:
    raise RuntimeError("no scores today")


class UsedModel:
    """A model with its stages and consumers, and the cursor of its lineage sensor."""

    def __init__(
        self, instance: dg.DagsterInstance, resources: dict[str, object], registry: Registry
    ) -> None:
        self.instance = instance
        self.resources = resources
        self.registry = registry
        self.definitions = dg.Definitions.merge(
            dg.Definitions(assets=[CHURN, scores, report, breaks]),
            registry_definitions(CHURN, registry=resources["registry"]),
        )
        self.cursor: str | None = None

    def run(self, key: dg.AssetKey | str, **options: object) -> dg.ExecuteInProcessResult:
        assets = list(self.definitions.assets or ())
        return dg.materialize(
            assets,
            selection=[key],
            instance=self.instance,
            resources=self.resources,
            raise_on_error=False,
            **options,
        )

    def release(self, content: str) -> str:
        """Train a version, promote it to production, and materialize the stage."""
        self.run(CHURN.key, run_config=recipe(CHURN, content))
        self.registry.set_policy("churn", free_policy())
        version = self.registry.get("churn@latest")
        self.registry.promote(version.reference, "production")
        self.run(PRODUCTION)
        return version.reference

    def tick(self) -> None:
        repository = self.definitions.get_repository_def()
        with dg.build_sensor_context(
            instance=self.instance,
            repository_def=repository,
            resources=self.resources,
            cursor=self.cursor,
        ) as context:
            self.cursor = (
                repository.get_sensor_def("pedigree_lineage").evaluate_tick(context).cursor
            )

    def written(self, reference: str) -> list[tuple[str, str | None, str, str | None]]:
        return sorted(
            (one.asset, one.partition, one.capture.value, one.data_version)
            for one in self.registry.downstream(reference).outputs
        )


@pytest.fixture
def graph(
    instance: dg.DagsterInstance, resources: dict[str, object], pedigree: Registry
) -> UsedModel:
    return UsedModel(instance, resources, pedigree)


def test_downstream_names_the_partitions_written_with_exactly_this_version(
    graph: UsedModel,
) -> None:
    first = graph.release("one")
    run = graph.run(
        "scores",
        tags={
            "dagster/asset_partition_range_start": "2013-01",
            "dagster/asset_partition_range_end": "2013-02",
        },
    )
    second = graph.release("two")
    graph.run("scores", partition_key="2013-03")
    loaded = graph.registry.downstream(first)
    assert [(one.partition, one.run_id, one.written) for one in loaded.usages] == [
        ("2013-02", run.run_id, False),
        ("2013-01", run.run_id, False),
    ]
    graph.tick()
    assert graph.written(first) == [
        ("scores", "2013-01", "read", "scored 2013-01"),
        ("scores", "2013-02", "read", "scored 2013-02"),
    ]
    assert graph.written(second) == [("scores", "2013-03", "read", "scored 2013-03")]
    events = graph.instance.fetch_materializations(dg.AssetKey("scores"), limit=5).records
    ids = {record.partition_key: record.storage_id for record in events}
    for output in graph.registry.downstream(first).outputs:
        assert output.storage_id == ids[output.partition]
        assert output.settled
    # The registry's record outlives Dagster's, and another tick changes nothing.
    before = graph.registry.downstream(first)
    graph.instance.wipe_assets([dg.AssetKey("scores")])
    graph.instance.delete_run(run.run_id)
    graph.cursor = None
    graph.tick()
    assert graph.registry.downstream(first) == before


def test_an_asset_that_only_depends_on_a_stage_is_found_by_its_pointers(graph: UsedModel) -> None:
    first = graph.release("one")
    graph.run("report")
    graph.tick()
    graph.release("two")
    graph.run("report")
    graph.tick()
    (output,) = graph.registry.downstream(first).usages
    assert (output.asset, output.capture, output.written) == ("report", Capture.DECLARED, True)
    assert graph.written("churn/2")[0][:3] == ("report", None, "declared")


def test_a_run_that_ended_without_output_is_settled(graph: UsedModel) -> None:
    reference = graph.release("one")
    graph.run("breaks")
    graph.tick()
    (usage,) = graph.registry.downstream(reference).usages
    assert (usage.asset, usage.written, usage.settled) == ("breaks", False, True)
    assert graph.registry.downstream(reference).outputs == ()


def test_impact_lists_what_the_versions_wrote(
    graph: UsedModel, instance: dg.DagsterInstance
) -> None:
    instance.report_runless_asset_event(dg.AssetMaterialization("raw"))
    graph.release("one")
    for month in ("2013-01", "2013-02", "2013-01"):
        graph.run("scores", partition_key=month)
    graph.tick()
    newest = instance.fetch_materializations(dg.AssetKey("scores"), limit=3).records
    found = graph.registry.impact("raw")
    (affected,) = (*found.certain, *found.possible)
    assert affected.in_use
    assert [(one.partition, one.storage_id) for one in affected.outputs] == [
        ("2013-01", newest[0].storage_id),
        ("2013-02", newest[1].storage_id),
    ]


def test_a_version_that_a_bound_registry_loads_is_a_usage(
    materialize: Callable[..., dg.ExecuteInProcessResult], pedigree: Registry
) -> None:
    materialize(CHURN)

    @dg.asset
    def notes(context: dg.AssetExecutionContext, registry: RegistryResource) -> None:
        registry.bind(context).load("churn/1")

    materialize(notes)
    (usage,) = pedigree.downstream("churn/1").usages
    assert (usage.asset, usage.capture) == ("notes", Capture.READ)


def test_versions_trained_on_a_version_are_downstream_of_it(
    materialize: Callable[..., dg.ExecuteInProcessResult], pedigree: Registry
) -> None:
    student = churn_asset("student", deps=[CHURN])
    materialize(CHURN)
    materialize(CHURN, student, selection=[student], run_config=recipe(student, "smaller"))
    # Its read of the asset is only declared.
    assert pedigree.downstream("churn/1").possible == ("student/1",)
    assert pedigree.downstream("student/1").possible == ()
