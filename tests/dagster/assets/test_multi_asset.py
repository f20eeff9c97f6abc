"""Steps that make several models, or a model and other assets."""

from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

import dagster as dg
import pytest

from pedigree.dagster import (
    ModelInputs,
    ModelOut,
    TrainedModel,
    model_multi_asset,
    registry_definitions,
)
from pedigree.dagster.assets.model_spec import model_spec_of, model_specs_of
from pedigree.errors import InvalidInputError, InvalidMetadataError
from pedigree.registry import Registry
from tests.dagster.models import ACCURACY, trained

Materialize = Callable[..., dg.ExecuteInProcessResult]
CHURN, UPLIFT = dg.AssetKey(["models", "churn"]), dg.AssetKey(["models", "uplift"])
REPORT = dg.AssetKey("report")


@dg.asset
def customers() -> dg.Output[int]:
    return dg.Output(7, data_version=dg.DataVersion("seven"))


def outs(**options: Any) -> dict[str, ModelOut | dg.AssetOut]:
    return {
        "churn": ModelOut("churn", flavor="generic", champion_metric=ACCURACY, **options),
        "uplift": ModelOut("uplift", flavor="generic"),
        "report": dg.AssetOut(key=REPORT),
    }


def returned(customers: int) -> tuple[TrainedModel, TrainedModel, str]:
    return trained(f"churn {customers}", 0.9), trained("uplift", 0.7), "fine"


def yielded(customers: int) -> Iterator[dg.Output[Any] | dg.MaterializeResult[Any]]:
    yield dg.Output(trained(f"churn {customers}", 0.9), "churn")
    yield dg.MaterializeResult(UPLIFT, value=trained("uplift", 0.7))
    yield dg.Output("fine", "report")


async def awaited(customers: int) -> tuple[TrainedModel, TrainedModel, dg.Output[str]]:
    return (
        trained(f"churn {customers}", 0.9),
        trained("uplift", 0.7),
        dg.Output("fine", metadata={"pages": 3}),
    )


async def awaited_one_by_one(customers: int) -> AsyncIterator[dg.Output[Any]]:
    for result in yielded(customers):
        yield result


@pytest.mark.parametrize("function", [returned, yielded, awaited, awaited_one_by_one])
def test_a_step_makes_several_models_and_other_assets(
    materialize: Materialize, pedigree: Registry, function: Callable[..., Any]
) -> None:
    asset = model_multi_asset(outs=outs())(function)
    result = materialize(customers, asset)
    assert result.output_for_node(asset.op.name, "report") == "fine"
    events = {
        event.asset_key: event.materialization
        for event in result.get_asset_materialization_events()
    }
    for name, accuracy in (("churn", 0.9), ("uplift", 0.7)):
        version = pedigree.get(f"{name}/1")
        model_event = events[dg.AssetKey(["models", name])]
        assert model_event.tags["dagster/data_version"] == version.digest
        assert model_event.tags["dagster/input_data_version/customers"] == "seven"
        assert model_event.metadata["accuracy"].value == accuracy
        ((node, capture),) = pedigree.lineage(f"{name}/1").inputs()
        assert (node.asset, node.data_version, capture.value) == ("customers", "seven", "read")
        assert pedigree.trainings(f"{name}/1")[0].origin.asset == f"models/{name}"
    assert pedigree.policy("churn").champion_metric == ACCURACY


def test_a_step_can_train_a_single_model(materialize: Materialize, pedigree: Registry) -> None:
    both = {
        "churn": ModelOut("churn", flavor="generic"),
        "uplift": ModelOut("uplift", flavor="generic"),
    }

    @model_multi_asset(outs=both, can_subset=True)
    def models(context: dg.AssetExecutionContext) -> Iterator[dg.Output[TrainedModel]]:
        for name in context.op_execution_context.selected_output_names:
            yield dg.Output(trained(name), name)

    materialize(models, selection=[UPLIFT])
    assert [model.name for model in pedigree.models()] == ["uplift"]


def test_explicit_reads_are_in_the_lineage_of_each_model_of_a_step(
    materialize: Materialize, pedigree: Registry
) -> None:
    months = dg.StaticPartitionsDefinition(["2013-01", "2013-02"])

    @dg.asset(partitions_def=months)
    def flights(context: dg.AssetExecutionContext) -> str:
        return context.partition_key

    @model_multi_asset(outs=outs(), deps=[flights])
    def models(inputs: ModelInputs) -> tuple[TrainedModel, TrainedModel, str]:
        (month,) = inputs.read(flights, partitions=["2013-02"]).values()
        return trained(month), trained("uplift"), month

    materialize(flights, partition_key="2013-02")
    materialize(flights, models, selection=[models])
    for name in ("churn", "uplift"):
        ((node, _),) = pedigree.lineage(f"{name}/1").inputs()
        assert (node.asset, node.partition) == ("flights", "2013-02")


def test_a_partition_makes_one_model_per_output(
    materialize: Materialize, pedigree: Registry
) -> None:
    countries = dg.StaticPartitionsDefinition(["de", "fr"])

    @model_multi_asset(
        outs={
            "churn": ModelOut("churn", flavor="generic", partition_name="{partition} {name}"),
            "uplift": ModelOut("uplift", flavor="generic"),
        },
        partitions_def=countries,
    )
    def models() -> tuple[TrainedModel, TrainedModel]:
        return trained("churn"), trained("uplift")

    materialize(models, partition_key="fr")
    assert {model.name for model in pedigree.models()} == {"fr churn", "uplift-fr"}


def test_each_model_has_its_own_owners_stages_and_checks() -> None:
    asset = model_multi_asset(outs=outs(owners=["team:growth"], group_name="models"))(returned)
    specs = asset.specs_by_key
    assert list(specs[CHURN].owners) == ["team:growth"]
    assert not specs[UPLIFT].owners
    assert specs[CHURN].kinds == {"generic"}
    (reference,) = specs[UPLIFT].metadata["dagster/code_references"].code_references
    assert reference.label == "returned"
    assert [model_spec.name for model_spec in model_specs_of(asset)] == ["churn", "uplift"]
    with pytest.raises(InvalidInputError, match="several models"):
        model_spec_of(asset)
    defs = dg.Definitions.merge(
        dg.Definitions([customers, asset], resources={"io_manager": dg.InMemoryIOManager()}),
        registry_definitions(asset),
    )
    graph = defs.resolve_asset_graph()
    assert dg.AssetKey(["models", "uplift", "production"]) in graph.get_all_asset_keys()
    assert {check.asset_key for check in graph.asset_check_keys} == {CHURN, UPLIFT}
    assert graph.get(dg.AssetKey(["models", "churn", "staging"])).group_name == "models"


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ((trained("x"), trained("y")), "has 3 outputs, but its function returned 2"),
        (trained("x"), "has 3 outputs, but its function returned 1"),
        ((trained("x"), "no model", "fine"), "'uplift' did not return a TrainedModel"),
    ],
)
def test_values_that_do_not_match_the_outputs_raise_a_typed_error(
    materialize: Materialize, given: object, message: str
) -> None:
    @model_multi_asset(outs=outs())
    def models() -> object:
        return given

    with pytest.raises(InvalidMetadataError, match=message):
        materialize(models)


def test_outputs_without_a_model_or_with_one_twice_are_refused() -> None:
    churn = ModelOut("churn", flavor="generic")
    for wrong in ({"report": dg.AssetOut()}, {"a": churn, "b": churn}):
        with pytest.raises(InvalidInputError, match="each model only once"):
            model_multi_asset(outs=wrong)
