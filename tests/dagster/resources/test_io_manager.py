from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import dagster as dg
import pytest

from pedigree.catalog.records import ModelVersion
from pedigree.dagster import TrainedModel, stage_assets, stage_key
from pedigree.dagster.assets.model_spec import model_spec_of
from pedigree.errors import InvalidMetadataError, VersionNotFoundError
from pedigree.registry import Registry
from tests.dagster.models import churn_asset, recipe, trained

Materialize = Callable[..., dg.ExecuteInProcessResult]
CHURN = churn_asset()
KEY = CHURN.key


@dg.asset(ins={"model": dg.AssetIn(KEY)})
def used(model: ModelVersion) -> dg.MaterializeResult:
    return dg.MaterializeResult(metadata={"used": model.reference})


def used_reference(result: dg.ExecuteInProcessResult) -> str:
    (event,) = result.asset_materializations_for_node("used")
    return event.metadata["used"].value


def test_a_consumer_loads_the_version_of_the_newest_materialization(
    materialize: Materialize,
) -> None:
    materialize(CHURN, run_config=recipe(CHURN, "one"))
    materialize(CHURN, run_config=recipe(CHURN, "two"))
    # the old digest again: version 1 is the newest materialization, version 2 the highest number
    materialize(CHURN, run_config=recipe(CHURN, "one"))
    assert used_reference(materialize(CHURN, used, selection=[used])) == "churn/1"


def test_the_training_of_the_same_run_takes_precedence_over_a_newer_one(
    materialize: Materialize, instance: dg.DagsterInstance
) -> None:
    materialize(CHURN, run_config=recipe(CHURN, "other"))
    other = instance.get_latest_materialization_event(KEY).asset_materialization

    @dg.asset(deps=[CHURN])
    def overtake() -> None:
        instance.report_runless_asset_event(
            dg.AssetMaterialization(KEY, metadata=dict(other.metadata))
        )

    @dg.asset(ins={"model": dg.AssetIn(KEY)}, deps=[overtake], name="used")
    def late(model: ModelVersion) -> dg.MaterializeResult:
        return dg.MaterializeResult(metadata={"used": model.reference})

    result = materialize(CHURN, overtake, late, run_config=recipe(CHURN, "own"))
    assert used_reference(result) == "churn/2"


def test_a_load_is_in_the_log_of_the_run_and_hides_nothing_on_the_asset(
    materialize: Materialize, instance: dg.DagsterInstance
) -> None:
    result = materialize(CHURN, used)
    assert instance.fetch_observations(KEY, limit=5).records == []
    of_type = dg.DagsterEventType.ENGINE_EVENT
    records = instance.get_records_for_run(result.run_id, of_type=of_type).records
    messages = {record.event_log_entry.dagster_event.message: record for record in records}
    record = messages["churn/1 is loaded as models/churn"]
    assert record.event_log_entry.step_key == "used"


def test_a_path_parameter_receives_the_folder(materialize: Materialize) -> None:
    @dg.asset(ins={"model": dg.AssetIn(KEY)})
    def reads(model: Path) -> dg.MaterializeResult:
        return dg.MaterializeResult(metadata={"text": (model / "model.txt").read_text()})

    result = materialize(CHURN, reads, run_config=recipe(CHURN, "bytes of the model"))
    (event,) = result.asset_materializations_for_node("reads")
    assert event.metadata["text"].value == "bytes of the model"


def test_a_stage_input_loads_the_version_in_the_stage(
    materialize: Materialize, pedigree: Registry
) -> None:
    stages = stage_assets(model_spec_of(CHURN))
    materialize(CHURN)
    for name in ("metadata_complete", "signature_compatible", "artifact_intact", "no_regression"):
        pedigree.run_check("churn/1", name)
    pedigree.promote("churn/1", "staging")

    @dg.asset(ins={"model": dg.AssetIn(stage_key("churn", "staging"))}, name="used")
    def scores(model: ModelVersion) -> dg.MaterializeResult:
        return dg.MaterializeResult(metadata={"used": model.reference})

    result = materialize(*stages, scores)
    assert used_reference(result) == "churn/1"


def test_an_asset_that_was_never_materialized_names_no_version(materialize: Materialize) -> None:
    with pytest.raises(VersionNotFoundError, match="was not materialized yet"):
        materialize(CHURN, used, selection=[used])


def test_a_materialization_of_something_else_names_no_version(
    materialize: Materialize, instance: dg.DagsterInstance
) -> None:
    instance.report_runless_asset_event(dg.AssetMaterialization(KEY))
    with pytest.raises(VersionNotFoundError, match="has a materialization without a version"):
        materialize(CHURN, used, selection=[used])


def test_a_plain_asset_that_returns_a_trained_model_registers_it(
    materialize: Materialize, pedigree: Registry
) -> None:
    @dg.asset
    def raw() -> dg.MaterializeResult:
        return dg.MaterializeResult(data_version=dg.DataVersion("raw-1"))

    @dg.asset(
        io_manager_key="model_io_manager",
        deps=[raw],
        metadata={"pedigree/model": "plain churn", "pedigree/flavor": "generic"},
    )
    def plain() -> TrainedModel:
        return trained("plain")

    result = materialize(raw, plain)
    version = pedigree.get("plain churn/1")
    (event,) = result.asset_materializations_for_node("plain")
    assert event.metadata["pedigree/digest"].value == version.digest
    assert event.metadata["accuracy"] == dg.MetadataValue.float(0.8)
    assert version.digest[7:19] in event.metadata["pedigree/card"].value
    assert version.run_id == result.run_id
    ((node, _),) = pedigree.lineage("plain churn/1").inputs()
    assert (node.asset, node.data_version) == ("raw", "raw-1")


def test_each_partition_of_a_plain_asset_is_a_separate_model(
    materialize: Materialize, pedigree: Registry
) -> None:
    @dg.asset(
        io_manager_key="model_io_manager",
        partitions_def=dg.StaticPartitionsDefinition(["de", "fr"]),
        owners=["team:growth"],
        metadata={"pedigree/partition_name": "{partition} {name}"},
    )
    def plain() -> TrainedModel:
        return replace(trained("plain"), owners=())

    materialize(plain, partition_key="fr")
    assert pedigree.get("fr plain/1").owners == ("team:growth",)


def test_a_plain_asset_that_returns_something_else_is_refused(materialize: Materialize) -> None:
    @dg.asset(io_manager_key="model_io_manager")
    def plain() -> int:
        return 1

    with pytest.raises(InvalidMetadataError, match="did not return a TrainedModel"):
        materialize(plain)


def test_several_partitions_are_loaded_by_key(materialize: Materialize) -> None:
    countries = dg.StaticPartitionsDefinition(["de", "fr"])
    model = churn_asset(partitions_def=countries)
    for country in ("de", "fr"):
        materialize(model, partition_key=country, run_config=recipe(model, country))

    @dg.asset(ins={"models": dg.AssetIn(KEY)})
    def compares(models: dict[str, object]) -> dg.MaterializeResult:
        return dg.MaterializeResult(metadata={"countries": sorted(models)})

    result = materialize(model, compares, selection=[compares])
    (event,) = result.asset_materializations_for_node("compares")
    assert event.metadata["countries"].value == ["de", "fr"]
