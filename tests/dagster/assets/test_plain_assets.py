"""Plain assets that the model IO manager stores have the features of a model asset."""

import dagster as dg
import pytest

from pedigree.dagster import TrainedModel, registry_definitions, stage_key
from pedigree.dagster.assets.model_spec import model_specs_of
from pedigree.errors import InvalidInputError, InvalidNameError, InvalidPolicyError
from pedigree.lifecycle.policy import default_policy
from pedigree.registry import Registry
from tests.dagster.location import Location
from tests.dagster.models import Recipe, trained


@dg.asset(
    key=["risk", "plain"],
    io_manager_key="model_io_manager",
    group_name="risk",
    owners=["team:growth"],
    metadata={"pedigree/model": "churn", "pedigree/flavor": "generic"},
)
def plain(config: Recipe) -> TrainedModel:
    """A model without Pedigree's decorator."""
    return trained(config.content, config.accuracy)


@pytest.fixture
def location(instance: dg.DagsterInstance, resources: dict[str, object]) -> Location:
    definitions = dg.Definitions.merge(
        dg.Definitions(assets=[plain]),
        registry_definitions(plain, registry=resources["registry"]),
    )
    return Location(instance, definitions, resources)


def train(location: Location, content: str, accuracy: float = 0.8) -> None:
    config = dg.RunConfig(ops={plain.op.name: Recipe(content=content, accuracy=accuracy)})
    location.materialize(plain.key, run_config=config, checks=True)


def test_a_plain_asset_is_checked_and_promoted_to_production(
    location: Location, pedigree: Registry
) -> None:
    train(location, "one")
    assert pedigree.get("churn/1").stage == "candidate"
    assert {verdict.check for verdict in pedigree.verdicts("churn/1")} == {
        "metadata_complete",
        "signature_compatible",
        "artifact_intact",
    }
    assert [location.promote() for _ in range(3)] == [["staging"], ["production"], []]
    assert pedigree.get("churn@production").version_id == 1
    assert location.mirror() == []


def test_stages_depend_on_the_plain_asset(location: Location) -> None:
    graph = location.definitions.get_repository_def().asset_graph
    staging, production = stage_key("churn", "staging"), stage_key("churn", "production")
    assert graph.get(staging).parent_keys == {plain.key}
    assert graph.get(production).parent_keys == {staging}
    assert (graph.get(staging).group_name, graph.get(staging).owners) == ("risk", ["team:growth"])
    assert not list(graph.external_asset_keys)
    assert {key.asset_key for key in graph.asset_check_keys} == {plain.key}


def test_stages_point_to_the_materialization_of_their_version(
    location: Location, instance: dg.DagsterInstance
) -> None:
    train(location, "one", 0.7)
    location.promote()
    train(location, "two", 0.8)
    (event,) = instance.fetch_materializations(stage_key("churn", "staging"), limit=2).records
    first, _ = instance.fetch_materializations(plain.key, limit=3, ascending=True).records
    tags = event.asset_materialization.tags
    assert tags["dagster/input_event_pointer/risk/plain"] == str(first.storage_id)
    # Dagster's own data version, which it compares with that of the asset
    version = first.asset_materialization.tags["dagster/data_version"]
    assert tags["dagster/input_data_version/risk/plain"] == version


def test_the_policy_of_a_plain_asset_is_in_its_metadata(
    instance: dg.DagsterInstance, resources: dict[str, object], pedigree: Registry
) -> None:
    policy = default_policy(checks=["latency"])

    @dg.asset(
        io_manager_key="model_io_manager",
        metadata={"pedigree/policy": policy.model_dump(mode="json"), "pedigree/flavor": "generic"},
    )
    def governed() -> TrainedModel:
        return trained("one")

    (model_spec,) = model_specs_of(governed)
    assert (model_spec.name, model_spec.policy) == ("governed", policy)
    dg.materialize([governed], instance=instance, resources=resources)
    assert pedigree.policy("governed") == policy


def test_a_step_with_several_outputs_finds_its_models() -> None:
    @dg.multi_asset(
        outs={
            "a": dg.AssetOut(io_manager_key="model_io_manager"),
            "b": dg.AssetOut(metadata={"pedigree/model": "named"}),
            "report": dg.AssetOut(),
        }
    )
    def several() -> tuple[TrainedModel, TrainedModel, str]: ...

    assert [(model_spec.name, model_spec.key.path) for model_spec in model_specs_of(several)] == [
        ("a", ["a"]),
        ("named", ["b"]),
    ]


def test_an_asset_that_is_not_a_model_or_has_an_invalid_name_or_policy_is_refused() -> None:
    @dg.asset
    def table() -> None: ...

    @dg.asset(io_manager_key="model_io_manager", metadata={"pedigree/model": "a/b"})
    def unnamed() -> None: ...

    @dg.asset(io_manager_key="model_io_manager", metadata={"pedigree/policy": {"stages": 1}})
    def ungoverned() -> None: ...

    for asset, error in (
        (table, InvalidInputError),
        (unnamed, InvalidNameError),
        (ungoverned, InvalidPolicyError),
    ):
        with pytest.raises(error):
            registry_definitions(asset)
