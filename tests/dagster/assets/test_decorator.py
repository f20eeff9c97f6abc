import asyncio
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import dagster as dg
import pytest
from pydantic import Field

from pedigree.dagster import ModelInputs, RegistryResource, TrainedModel, model_asset
from pedigree.errors import InvalidInputError, UnknownFlavorError
from pedigree.flavors.plugins import save_model
from pedigree.lifecycle.policy import default_policy
from pedigree.registry import Registry
from pedigree.signatures.records import Tensor
from tests.dagster.code_location import train_job
from tests.dagster.models import ACCURACY, Recipe, churn_asset, recipe, trained
from tests.flavors.models import ROWS, onnx_model, xgboost_model

Materialize = Callable[..., dg.ExecuteInProcessResult]
CHURN = dg.AssetKey(["models", "churn"])


def materialization(result: dg.ExecuteInProcessResult, key: dg.AssetKey = CHURN):
    (found,) = [
        event.materialization
        for event in result.get_asset_materialization_events()
        if event.asset_key == key
    ]
    return found


def test_a_materialization_is_a_version(materialize: Materialize, pedigree: Registry) -> None:
    result = materialize(churn_asset())
    version = pedigree.get("churn/1")
    materialized = materialization(result)
    assert materialized.tags["dagster/data_version"] == version.digest
    assert materialized.tags["pedigree/version"] == "1"
    assert materialized.metadata["accuracy"].value == 0.8
    assert materialized.metadata["pedigree/digest"].value == version.digest
    assert materialized.metadata["dagster/column_schema"].value.columns[0].name == "tenure"
    assert version.digest[7:19] in materialized.metadata["pedigree/card"].value
    assert "pedigree/page" not in materialized.metadata  # the settings have no base URL
    assert version.run_id == result.run_id
    assert version.git_commit == "0123456789abcdef"
    assert version.environment_hash
    assert version.model_card_uri
    assert "churn" in pedigree.card("churn/1").markdown


def test_a_training_records_its_run_step_asset_and_instance(
    materialize: Materialize, pedigree: Registry, instance: dg.DagsterInstance
) -> None:
    asset = churn_asset()
    materialize(asset)
    (training,) = pedigree.trainings("churn/1")
    assert training.origin.step_key == asset.op.name
    assert training.origin.asset == "models/churn"
    assert training.origin.instance_id == instance.run_storage.get_run_storage_id()
    assert training.created_by == "tester"


def test_the_same_bytes_are_one_version_with_two_trainings(
    materialize: Materialize, pedigree: Registry
) -> None:
    asset = churn_asset()
    first, second = materialize(asset), materialize(asset)
    assert materialization(second).metadata["pedigree/created"].value is False
    assert materialization(second).tags["pedigree/version"] == "1"
    runs = [training.metadata.run_id for training in pedigree.trainings("churn/1")]
    assert runs == [first.run_id, second.run_id]


def test_inputs_config_context_and_resources_reach_the_function(
    materialize: Materialize, pedigree: Registry
) -> None:
    @dg.asset
    def train() -> dg.Output[int]:
        return dg.Output(7, data_version=dg.DataVersion("seven"))

    seen = {}

    @model_asset(name="churn", flavor="generic", deps=["elsewhere"])
    def churn(
        context: dg.AssetExecutionContext,
        train: int,
        config: Recipe,
        inputs: ModelInputs,
        registry: RegistryResource,
    ) -> TrainedModel:
        seen.update(
            run_id=context.run.run_id,
            train=train,
            content=config.content,
            inputs=inputs,
            models=registry.connect().models(),
        )
        return trained(config.content)

    result = materialize(train, churn)
    assert seen["train"] == 7
    assert seen["content"] == "first"
    assert seen["run_id"] == result.run_id
    assert seen["models"] == ()
    found = {
        (node.asset, node.data_version, node.kind.value, capture.value)
        for node, capture in pedigree.lineage("churn/1").inputs()
    }
    assert found == {
        ("train", "seven", "materialization", "read"),
        ("elsewhere", None, "missing", "declared"),
    }
    assert materialization(result).tags["dagster/input_data_version/train"] == "seven"


def test_an_async_function_trains(materialize: Materialize, pedigree: Registry) -> None:
    @model_asset(name="churn", flavor="generic")
    async def churn(context: dg.AssetExecutionContext, config: Recipe) -> TrainedModel:
        await asyncio.sleep(0)
        return trained(f"{context.run.run_id} {config.content}")

    result = materialize(churn)
    text = (pedigree.folder("churn/1") / "model.txt").read_text()
    assert text == f"{result.run_id} first"


def test_a_materialization_links_to_the_page_of_the_version(
    materialize: Materialize, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PEDIGREE_URL", "https://registry.example.com/")
    name = "über churn"
    materialized = materialization(
        materialize(churn_asset(name)), dg.AssetKey(["models", name])
    ).metadata
    page = "https://registry.example.com/models/%C3%BCber%20churn/versions/1"
    assert materialized["pedigree/page"] == dg.MetadataValue.url(page)
    assert f"[Model card](<{page}>)" in materialized["pedigree/card"].value


def test_metrics_are_plotted_and_other_metadata_is_kept(
    materialize: Materialize,
) -> None:
    @model_asset(name="churn", flavor="generic")
    def churn() -> TrainedModel:
        return trained("x", metadata={"epochs": dg.MetadataValue.int(3)})

    materialized = materialization(materialize(churn)).metadata
    assert materialized["accuracy"] == dg.MetadataValue.float(0.8)
    assert materialized["epochs"] == dg.MetadataValue.int(3)


def test_owners_tags_kinds_and_group_are_those_of_the_asset() -> None:
    asset = churn_asset(
        owners=["team:growth"], tags={"tier": "1"}, group_name="models", kinds={"sklearn"}
    )
    spec = asset.specs_by_key[CHURN]
    assert list(spec.owners) == ["team:growth"]
    assert spec.tags["tier"] == "1"
    assert spec.kinds == {"sklearn"}
    assert spec.group_name == "models"
    plain = model_asset(name="churn", flavor="sklearn")(lambda: None)
    assert plain.specs_by_key[CHURN].kinds == {"scikitlearn"}  # the name of Dagster's icon


def test_a_version_takes_missing_owners_and_description_from_the_asset(
    materialize: Materialize, pedigree: Registry
) -> None:
    @model_asset(name="churn", flavor="generic", owners=["team:growth"])
    def churn() -> TrainedModel:
        """Says who will leave."""
        return replace(trained("x"), owners=(), description=None)

    materialize(churn)
    assert pedigree.get("churn/1").owners == ("team:growth",)
    assert pedigree.get("churn/1").description == "Says who will leave."
    materialize(churn_asset(owners=["team:growth"]))
    assert pedigree.get("churn/2").owners == ("ann@example.com",)


def test_code_references_and_version_are_those_of_the_user_s_function() -> None:
    spec = churn_asset().specs_by_key[CHURN]
    (reference,) = spec.metadata["dagster/code_references"].code_references
    assert Path(reference.file_path).name == "models.py"
    assert reference.label == "churn"
    assert spec.code_version == churn_asset().specs_by_key[CHURN].code_version
    assert churn_asset(code_version="7").specs_by_key[CHURN].code_version == "7"


@pytest.mark.parametrize("name", ["a-b", "a.b", "über churn", "a b"])
def test_models_may_have_names_that_dagster_refuses_for_ops(
    materialize: Materialize, pedigree: Registry, name: str
) -> None:
    assert materialize(churn_asset(name)).success
    assert pedigree.get(f"{name}/1").model_name == name


def test_models_whose_names_differ_in_punctuation_have_different_ops() -> None:
    dg.Definitions.validate_loadable(
        dg.Definitions(
            assets=[churn_asset("a-b"), churn_asset("a.b")],
            resources={
                "registry": RegistryResource(),
                "model_io_manager": dg.FilesystemIOManager(),
            },
        )
    )


def test_each_partition_is_a_separate_registered_model(
    materialize: Materialize, pedigree: Registry
) -> None:
    asset = churn_asset(partitions_def=dg.StaticPartitionsDefinition(["de", "fr"]))
    result = materialize(asset, partition_key="de", run_config=recipe(asset, "de"))
    assert pedigree.get("churn-de/1").digest == materialization(result).tags["dagster/data_version"]
    assert [model.name for model in pedigree.models()] == ["churn-de"]


def test_one_run_for_many_partitions_is_refused() -> None:
    countries = dg.StaticPartitionsDefinition(["de", "fr"])
    with pytest.raises(InvalidInputError, match="the same model"):
        churn_asset(partitions_def=countries, backfill_policy=dg.BackfillPolicy.single_run())
    assert churn_asset(partitions_def=countries, backfill_policy=dg.BackfillPolicy.multi_run(1))


def test_a_partition_name_must_contain_the_partition() -> None:
    with pytest.raises(InvalidInputError, match="must contain"):
        churn_asset(partition_name="{name}")


def test_an_explicit_policy_is_set_for_the_model(
    materialize: Materialize, pedigree: Registry
) -> None:
    materialize(churn_asset())
    assert pedigree.policy("churn") == default_policy(ACCURACY)


@pytest.mark.parametrize(
    ("returned", "field"),
    [
        (None, "return value"),
        ("a model", "return value"),
        (TrainedModel(path=Path("/no/such/path")), "path"),
        (TrainedModel(path=Path(__file__)), "signature"),
        (trained("x", accuracy=float("nan")), "metrics.accuracy"),
    ],
)
def test_an_invalid_training_result_raises_a_typed_error_and_writes_nothing(
    materialize: Materialize, pedigree: Registry, returned: object, field: str
) -> None:
    @model_asset(name="churn", flavor="generic")
    def churn() -> TrainedModel:
        return returned

    with pytest.raises(InvalidInputError) as error:
        materialize(churn)
    assert error.value.field == field
    assert pedigree.models() == ()


def test_a_model_object_is_saved_described_and_loaded_by_its_flavor(
    materialize: Materialize, pedigree: Registry, tmp_path: Path
) -> None:
    pytest.importorskip("onnxruntime", reason="onnxruntime has no build for Intel Macs")
    saved = save_model(xgboost_model(), "xgboost", tmp_path / "saved")

    @model_asset(name="trees", flavor="xgboost")
    def trees() -> TrainedModel:
        return TrainedModel(model=xgboost_model(), sample=ROWS.head())

    @model_asset(name="saved_trees", flavor="xgboost")
    def saved_trees() -> TrainedModel:
        return TrainedModel(path=saved, sample=ROWS.head())

    @model_asset(name="graph", flavor="onnx")
    def graph() -> TrainedModel:
        return TrainedModel(model=onnx_model())  # its files contain the signature

    assert materialize(trees, saved_trees, graph).success
    classifier: Any = pedigree.load("trees/1")
    assert classifier.predict(ROWS).tolist() == xgboost_model().predict(ROWS).tolist()
    assert [port.name for port in pedigree.get("trees/1").signature.inputs] == ["age", "calls"]
    assert pedigree.get("saved_trees/1").digest == pedigree.get("trees/1").digest
    session: Any = pedigree.load("graph/1")
    assert session.get_inputs()[0].name == "x"
    assert pedigree.get("graph/1").signature.outputs == (
        Tensor(name="y", dtype="float32", shape=(-1, 2)),
    )


def test_a_trained_model_needs_either_an_object_or_a_path() -> None:
    with pytest.raises(InvalidInputError, match="exactly one"):
        TrainedModel()


def test_definitions_refuse_contradicting_arguments() -> None:
    with pytest.raises(UnknownFlavorError):
        model_asset(name="churn", flavor="no-such")
    with pytest.raises(InvalidInputError, match="name"):
        model_asset(name="a/b", flavor="generic")
    with pytest.raises(InvalidInputError, match="part of the policy"):
        model_asset(
            name="churn", flavor="generic", policy=default_policy(), champion_metric=ACCURACY
        )


def test_a_direct_call_is_refused_with_a_remedy(resources: dict[str, object]) -> None:
    @model_asset(name="churn", flavor="generic")
    def churn() -> TrainedModel:
        return trained("x")

    with (
        dg.build_asset_context(resources=resources) as context,
        pytest.raises(InvalidInputError, match="Materialize the asset"),
    ):
        churn(context)


def test_the_lineage_names_exactly_the_months_that_were_read(
    materialize: Materialize, pedigree: Registry, instance: dg.DagsterInstance
) -> None:
    months = dg.StaticPartitionsDefinition(["2013-01", "2013-02", "2013-03"])

    @dg.asset(partitions_def=months)
    def flights(context: dg.AssetExecutionContext) -> str:
        return context.partition_key

    class Months(dg.Config):
        names: list[str] = Field(default=["2013-01", "2013-02"])

    @model_asset(name="delay", flavor="generic", deps=[flights])
    def delay(inputs: ModelInputs, config: Months) -> TrainedModel:
        return trained(" ".join(inputs.read(flights, partitions=config.names).values()))

    def fly(month: str) -> None:
        materialize(flights, partition_key=month)

    fly("2013-01")
    fly("2013-02")
    result = materialize(flights, delay, selection=[delay])
    fly("2013-03")
    trained_on = [
        (node.partition, node.data_version) for node, _ in pedigree.lineage("delay/1").inputs()
    ]
    assert [month for month, _ in trained_on] == ["2013-01", "2013-02"]
    assert pedigree.stale("delay/1").known
    assert not pedigree.stale("delay/1").inputs
    # a training month is materialized again: the version's lineage does not change
    fly("2013-01")
    assert trained_on == [
        (node.partition, node.data_version) for node, _ in pedigree.lineage("delay/1").inputs()
    ]
    (stale,) = pedigree.stale("delay/1").inputs
    assert (stale.asset, stale.partition) == ("flights", "2013-01")
    # wiping the asset removes nothing from the registry
    instance.wipe_assets([flights.key])
    assert len(pedigree.lineage("delay/1").inputs()) == 2
    assert result.success


def test_it_runs_in_a_job_of_a_code_location(
    instance: dg.DagsterInstance, resources: dict[str, object], pedigree: Registry
) -> None:
    asset = churn_asset()
    definitions = dg.Definitions(
        assets=[asset], resources=resources, jobs=[dg.define_asset_job("train", selection=[asset])]
    )
    job = definitions.resolve_job_def("train")
    assert job.execute_in_process(instance=instance).success
    assert pedigree.trainings("churn/1")[0].origin.job_name == "train"


@pytest.mark.system
def test_it_runs_with_one_process_per_step(
    instance: dg.DagsterInstance,
    database_url: str,
    home: Path,
    monkeypatch: pytest.MonkeyPatch,
    pedigree: Registry,
) -> None:
    monkeypatch.setenv("PEDIGREE_DATABASE_URL", database_url)
    with dg.execute_job(dg.reconstructable(train_job), instance=instance) as result:
        assert result.success
    ((node, capture),) = pedigree.lineage("churn/1").inputs()
    assert (node.asset, node.data_version) == ("customers", "customers-1")
    assert capture.value == "declared"
    assert len(pedigree.verdicts("churn/1")) == 4
