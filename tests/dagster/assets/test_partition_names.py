"""Partitions as registered models, with any key; invalid names fail before the training."""

from collections.abc import Callable
from typing import Any

import dagster as dg
import pytest

from pedigree.dagster import (
    ModelOut,
    TrainedModel,
    model_asset,
    model_checks,
    model_multi_asset,
    registered_name,
    registry_definitions,
)
from pedigree.dagster.assets.model_spec import model_spec_of
from pedigree.dagster.sensors.targets import Targets
from pedigree.errors import InvalidInputError, InvalidNameError, InvalidPolicyError
from pedigree.lifecycle.records import Policy
from pedigree.registry import Registry
from tests.dagster.location import Location
from tests.dagster.models import churn_asset, recipe, trained
from tests.factories import register
from tests.lifecycle.deciding import policy_of

Materialize = Callable[..., dg.ExecuteInProcessResult]
HOURLY = dg.HourlyPartitionsDefinition(start_date="2024-01-01-00:00")
COUNTRIES = dg.StaticPartitionsDefinition(["de", "DE", "home_improvement/2", "a: b"])


@pytest.mark.parametrize(
    ("partitions", "keys", "names"),
    [
        (HOURLY, ["2024-01-01-05:00"], ["churn-2024-01-01-05~3a~00"]),
        (
            COUNTRIES,
            ["de", "DE", "home_improvement/2", "a: b"],
            ["churn-de", "churn-~D~E", "churn-home_improvement~2f~2", "churn-a~3a~ b"],
        ),
        (
            dg.MultiPartitionsDefinition({"hour": HOURLY, "country": COUNTRIES}),
            [dg.MultiPartitionKey({"hour": "2024-01-01-05:00", "country": "DE"})],
            ["churn-~D~E|2024-01-01-05~3a~00"],
        ),
    ],
)
def test_partitions_with_any_key_are_models_without_configuration(
    materialize: Materialize,
    pedigree: Registry,
    partitions: dg.PartitionsDefinition[str],
    keys: list[str],
    names: list[str],
) -> None:
    asset = churn_asset(partitions_def=partitions)
    for key, name in zip(keys, names, strict=True):
        materialize(asset, partition_key=key, run_config=recipe(asset, key))
        assert registered_name(asset, key) == name
        assert pedigree.trainings(f"{name}/1")[0].origin.partition == key
    assert sorted(model.name for model in pedigree.models()) == sorted(names)


def test_a_partition_with_any_key_is_promoted_by_its_own_run(
    instance: dg.DagsterInstance,
    make_location: Callable[..., Location],
    resources: dict[str, object],
    pedigree: Registry,
) -> None:
    countries = dg.StaticPartitionsDefinition(["de", "DE", "home/2"])
    asset = churn_asset("by_country", partitions_def=countries)
    location = make_location(asset)
    for key in ("de", "DE", "home/2"):
        dg.materialize(
            [asset, model_checks(asset, blocking=False)],
            instance=instance,
            resources=resources,
            partition_key=key,
            run_config=recipe(asset, key),
        )
    answer = location.tick("pedigree_promotion")
    assert sorted(str(request.partition_key) for request in answer.run_requests) == [
        *("DE", "de", "home/2"),
    ]
    for request in answer.run_requests:
        location.execute(request)
    names = ("by_country-de", "by_country-~D~E", "by_country-home~2f~2")
    assert [pedigree.get(f"{name}/1").stage for name in names] == ["staging"] * 3


@pytest.mark.parametrize(
    ("template", "problem"),
    [
        ("{partition}: {name}", "holds one of"),
        ("{name}/{partition}", "holds one of"),
        ("{name}-{partition} ", "begins or ends"),
        ("{name}", "must contain {partition}"),
        ("{name}-{{partition}}", "must contain {partition}"),
        ("{name}-{partition}-{hour}", "only {name} and {partition} are supported"),
        ("{name}-{partition:.2}", "different partitions could get the same name"),
        ("{name}-{partition!r}", "different partitions could get the same name"),
        ("{name}-{partition", "not a valid format string"),
        ("{name}-{partition}{}", "only {name} and {partition} are supported"),
        ("{partition}-{partition.upper}", "only {name} and {partition} are supported"),
        ("x" * 300 + "{partition}", "more than 256"),
    ],
)
def test_a_partition_name_with_invalid_results_is_refused_at_definition(
    template: str, problem: str
) -> None:
    with pytest.raises(InvalidInputError) as caught:
        churn_asset(partition_name=template)
    assert caught.value.field == "partition_name"
    assert caught.value.value == template
    assert problem in caught.value.message
    with pytest.raises(InvalidInputError):
        ModelOut("churn", flavor="generic", partition_name=template)


@pytest.mark.parametrize(
    "partitions",
    [
        dg.StaticPartitionsDefinition(["de", "x" * 300]),
        dg.StaticPartitionsDefinition(["de", ":" * 100]),
        dg.MultiPartitionsDefinition(
            {"country": dg.StaticPartitionsDefinition(["de", "Y" * 130]), "hour": HOURLY}
        ),
        dg.DailyPartitionsDefinition("2024-01-01" + ":" * 70, fmt="%Y-%m-%d" + ":" * 70),
    ],
)
def test_a_key_that_is_too_long_for_a_name_is_refused_at_definition(
    partitions: dg.PartitionsDefinition[str],
) -> None:
    with pytest.raises(InvalidNameError) as caught:
        churn_asset(partitions_def=partitions)
    assert caught.value.field == "partition"
    assert caught.value.remedy
    with pytest.raises(InvalidNameError):

        @model_multi_asset(
            outs={"model": ModelOut("churn", flavor="generic"), "table": dg.AssetOut()},
            partitions_def=partitions,
        )
        def models() -> Any: ...


def test_a_dynamic_key_that_is_too_long_for_a_name_is_refused_before_the_training(
    materialize: Materialize, pedigree: Registry, instance: dg.DagsterInstance
) -> None:
    began: list[str] = []

    @model_asset(
        name="churn", flavor="generic", partitions_def=dg.DynamicPartitionsDefinition(name="shops")
    )
    def churn(context: dg.AssetExecutionContext) -> TrainedModel:
        began.append(context.partition_key)
        return trained("any")

    instance.add_dynamic_partitions("shops", ["S/1", "x" * 300])
    with pytest.raises(InvalidNameError, match="has 306 characters"):
        materialize(churn, partition_key="x" * 300)
    assert began == []
    assert pedigree.models() == ()
    materialize(churn, partition_key="S/1")
    assert [model.name for model in pedigree.models()] == ["churn-~S~2f~1"]


def test_a_dynamic_key_without_a_valid_name_does_not_hide_others_from_the_sensors(
    instance: dg.DagsterInstance, make_location: Callable[..., Location]
) -> None:
    shops = dg.DynamicPartitionsDefinition(name="shops")
    asset = churn_asset(partitions_def=shops)
    instance.add_dynamic_partitions("shops", ["S/1", "x" * 300])
    location = make_location(asset)
    targets = Targets(location.definitions.get_repository_def(), [model_spec_of(asset)])
    assert list(targets.all(instance)) == ["churn-~S~2f~1"]


def test_a_policy_that_the_model_cannot_have_is_refused_before_the_training(
    materialize: Materialize, pedigree: Registry, tmp_path: Any
) -> None:
    began: list[str] = []
    register(pedigree, tmp_path, "a")
    pedigree.set_policy(
        "churn", Policy.model_validate({"stages": [{"name": "qa", "after": ["none"]}]})
    )
    pedigree.promote("churn/1", "qa")

    @model_asset(name="churn", flavor="generic", policy=policy_of())
    def churn() -> TrainedModel:
        began.append("churn")
        return trained("any")

    with pytest.raises(InvalidPolicyError, match="churn/1 in qa"):
        materialize(churn)
    assert began == []


@pytest.mark.parametrize(
    ("metadata", "keys", "kind"),
    [
        ({"pedigree/partition_name": "{partition}: {name}"}, ["de"], InvalidInputError),
        ({}, ["x" * 300], InvalidNameError),
        (
            {"pedigree/policy": {"stages": [{"name": "v1", "after": ["none"]}]}},
            ["de"],
            InvalidPolicyError,
        ),
    ],
)
def test_a_plain_asset_with_invalid_names_is_refused_at_definition(
    metadata: dict[str, Any], keys: list[str], kind: type[InvalidInputError]
) -> None:
    @dg.asset(
        io_manager_key="model_io_manager",
        metadata=metadata,
        partitions_def=dg.StaticPartitionsDefinition(keys),
    )
    def plain() -> TrainedModel: ...

    with pytest.raises(kind):
        registry_definitions(plain)
