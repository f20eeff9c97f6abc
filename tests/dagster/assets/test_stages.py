from collections.abc import Callable, Sequence

import dagster as dg
import pytest
from dagster._core.definitions.data_version import CachingStaleStatusResolver
from dagster._core.loader import LoadingContextForTest

from pedigree.dagster import (
    StageConfig,
    model_checks,
    registry_definitions,
    registry_resources,
    stage_assets,
    stage_key,
)
from pedigree.dagster.assets.model_spec import model_spec_of
from pedigree.dagster.assets.stages import stage_op
from pedigree.dagster.resources import registry as resource
from pedigree.errors import (
    GenerationConflictError,
    InvalidInputError,
    ReservedNameError,
    TransitionNotAllowedError,
)
from pedigree.lifecycle.records import CANDIDATE, Policy, StageRule
from pedigree.registry import Registry
from tests.dagster.models import churn_asset, recipe, to_production

Materialize = Callable[..., dg.ExecuteInProcessResult]
CHURN = churn_asset()
MODEL_SPEC = model_spec_of(CHURN)
STAGES = stage_assets(MODEL_SPEC)
STAGING, PRODUCTION = (stage_key("churn", stage) for stage in ("staging", "production"))
ALL = (CHURN, *STAGES, model_checks(CHURN))


@pytest.fixture
def train(materialize: Materialize) -> Callable[..., dg.ExecuteInProcessResult]:
    def run(content: str, accuracy: float = 0.8) -> dg.ExecuteInProcessResult:
        return materialize(
            CHURN,
            model_checks(CHURN),
            run_config=recipe(CHURN, content, accuracy),
            raise_on_error=False,
        )

    return run


@pytest.fixture
def stage(materialize: Materialize) -> Callable[..., dg.ExecuteInProcessResult]:
    def run(name: str = "production", **config: object) -> dg.ExecuteInProcessResult:
        return materialize(
            *STAGES,
            selection=[stage_key("churn", name)],
            run_config=dg.RunConfig(ops={stage_op(MODEL_SPEC, name): StageConfig(**config)}),
        )

    return run


def materializations(result: dg.ExecuteInProcessResult) -> Sequence[dg.AssetMaterialization]:
    return [event.materialization for event in result.get_asset_materialization_events()]


def test_materializing_a_stage_with_a_version_promotes_it(
    train: Materialize, stage: Materialize, pedigree: Registry
) -> None:
    train("one")
    assert pedigree.get("churn/1").stage == CANDIDATE
    (event,) = materializations(stage("staging", version=1, reason="it is good"))
    version = pedigree.get("churn@staging")
    assert event.asset_key == STAGING
    assert event.tags["dagster/data_version"] == version.digest
    assert event.metadata["pedigree/moved"].value is True
    assert event.metadata["pedigree/generation"].value == str(version.generation)
    assert pedigree.timeline("churn")[-1].reason == "it is good"


def test_materialize_all_promotes_nothing_and_skips_empty_stages(
    materialize: Materialize, pedigree: Registry
) -> None:
    result = materialize(*ALL)
    assert result.success
    assert [event.asset_key for event in materializations(result)] == [CHURN.key]
    assert pedigree.get("churn/1").stage == CANDIDATE


def test_without_a_version_a_stage_reports_the_state_of_the_registry(
    train: Materialize, stage: Materialize, pedigree: Registry
) -> None:
    train("one")
    to_production(pedigree, 1)
    first, second = materializations(stage())[0], materializations(stage())[0]
    assert first.tags["dagster/data_version"] == second.tags["dagster/data_version"]
    assert first.metadata["pedigree/moved"].value is False


@pytest.fixture
def marks(
    instance: dg.DagsterInstance, resources: dict[str, object]
) -> Callable[[], dict[str, str]]:
    """Dagster's staleness of the stages: fresh, or stale because of a newer upstream version."""

    def read() -> dict[str, str]:
        definitions = dg.Definitions([CHURN, *STAGES], resources=resources)
        graph = definitions.get_repository_def().asset_graph
        context = LoadingContextForTest(instance)
        resolver = CachingStaleStatusResolver(instance, graph, context)
        return {key.path[-1]: resolver.get_status(key).name for key in (STAGING, PRODUCTION)}

    return read


def test_a_rollback_points_to_the_upstream_event_of_the_version(
    train: Materialize, stage: Materialize, pedigree: Registry, instance: dg.DagsterInstance
) -> None:
    for version, content in enumerate(("one", "two"), start=1):
        train(content, 0.7 + version / 10)
        for name in ("staging", "production"):
            stage(name, version=version)
    train("three", 0.95)
    first, _ = instance.fetch_materializations(STAGING, limit=5, ascending=True).records
    (event,) = materializations(stage(rollback=True, reason="two is bad"))
    assert event.tags["pedigree/version"] == "1"
    assert event.metadata["pedigree/previous_version"].value == "2"
    # Dagster itself would point to the newest, version 2
    pointer = event.tags["dagster/input_event_pointer/models/churn/staging"]
    assert pointer == str(first.storage_id)
    digest = pedigree.get("churn/1").digest
    assert event.tags["dagster/input_data_version/models/churn/staging"] == digest
    assert pedigree.get("churn@production").version_id == 1


def test_a_stage_is_stale_if_the_previous_stage_has_a_newer_version(
    train: Materialize, stage: Materialize, marks: Callable[[], dict[str, str]]
) -> None:
    train("one", 0.7)
    stage("staging", version=1)
    stage("production", version=1)
    assert marks() == {"staging": "FRESH", "production": "FRESH"}
    train("two", 0.8)
    assert marks() == {"staging": "STALE", "production": "FRESH"}
    stage("staging", version=2)
    assert marks() == {"staging": "FRESH", "production": "STALE"}
    stage("production", version=2)
    assert marks() == {"staging": "FRESH", "production": "FRESH"}
    stage("production")  # moves nothing
    assert marks() == {"staging": "FRESH", "production": "FRESH"}
    stage(rollback=True)
    assert marks() == {"staging": "FRESH", "production": "STALE"}


def test_a_stage_is_not_stale_if_its_version_skipped_the_previous_stage(
    train: Materialize,
    stage: Materialize,
    pedigree: Registry,
    marks: Callable[[], dict[str, str]],
) -> None:
    train("one", 0.7)
    stage("staging", version=1)
    train("two", 0.8)
    pedigree.promote("churn/2", "archived")
    stage("production", version=2)
    assert marks() == {"staging": "STALE", "production": "FRESH"}
    train("three", 0.9)
    stage("staging", version=3)
    assert marks() == {"staging": "FRESH", "production": "STALE"}


def test_a_stage_depends_on_the_stage_before_it_as_the_policy_orders_them() -> None:
    def rules(*stages: tuple[str, tuple[str, ...]]) -> Policy:
        return Policy(stages=tuple(StageRule(name=name, after=after) for name, after in stages))

    policy = rules(
        ("candidate", ("none",)),
        ("qa", ("candidate", "archived")),
        ("staging", ("candidate", "qa")),
        ("canary", ("staging", "production")),  # also back from production
        ("production", ("canary", "staging")),
        ("hotfix", ("candidate",)),
        ("archived", ("production",)),
    )
    model_spec = model_spec_of(churn_asset("ordered", policy=policy))
    definitions = dg.Definitions([*stage_assets(model_spec)], resources=registry_resources())
    graph = definitions.get_repository_def().asset_graph
    parents = {
        stage: [key.path[-1] for key in graph.get(model_spec.stage_key(stage)).parent_keys]
        for stage in model_spec.stages
    }
    assert parents == {
        "qa": ["ordered"],
        "staging": ["qa"],
        "canary": ["staging"],
        "production": ["canary"],
        "hotfix": ["ordered"],
    }


def test_the_description_of_a_stage_names_its_model() -> None:
    for name, kind in (("churn", "churn"), ("home prices, für alle", "home_prices_f_r_alle")):
        for asset in stage_assets(model_spec_of(name)):
            (spec,) = asset.specs
            assert spec.kinds == {"stage", kind}
            assert spec.description.startswith(f"{spec.key.path[-1]} of {name}: ")


def test_a_repeated_promotion_is_a_recorded_no_op(
    train: Materialize, stage: Materialize, pedigree: Registry
) -> None:
    train("one")
    stage("staging", version=1)
    generation = pedigree.get("churn/1").generation
    result = stage("staging", version=1, automatic=True, expected_generation=generation - 1)
    assert materializations(result)[0].metadata["pedigree/moved"].value is False
    assert pedigree.get("churn/1").generation == generation


def test_a_conflict_fails_the_run_of_a_person_and_not_that_of_the_sensor(
    train: Materialize, stage: Materialize, pedigree: Registry
) -> None:
    train("one")
    to_production(pedigree, 1)
    train("two", 0.9)
    pedigree.promote("churn/2", "staging")
    event = materializations(stage(version=2, automatic=True, expected_generation=0))[0]
    assert event.tags["pedigree/version"] == "1"
    assert "moved in the meantime" in event.metadata["pedigree/notice"].value
    with pytest.raises(GenerationConflictError):
        stage(version=2, expected_generation=0)


def test_a_stage_that_cannot_be_entered_from_here_fails_the_run(
    materialize: Materialize, stage: Materialize, pedigree: Registry
) -> None:
    materialize(CHURN)
    with pytest.raises(TransitionNotAllowedError):
        stage("staging", version=1)
    assert pedigree.holder("churn", "staging") is None


def test_version_and_rollback_contradict_each_other(train: Materialize, stage: Materialize) -> None:
    train("one")
    with pytest.raises(InvalidInputError, match="cannot be combined with rollback"):
        stage(version=1, rollback=True)


def test_the_actor_is_the_one_in_the_config(
    train: Materialize,
    stage: Materialize,
    pedigree: Registry,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    train("one")
    monkeypatch.delenv("PEDIGREE_ACTOR")
    monkeypatch.setattr(resource, "_CLIENTS", {})
    stage("staging", version=1, actor="bob")
    assert pedigree.timeline("churn")[-1].moved_by == "bob"


@pytest.mark.parametrize("name", ["sensor:pedigree_promotion", "Service:reconciler"])
def test_config_and_tags_cannot_claim_the_name_of_a_sensor(
    name: str, train: Materialize, stage: Materialize, materialize: Materialize, pedigree: Registry
) -> None:
    train("one")
    with pytest.raises(ReservedNameError, match="reserved for Pedigree"):
        stage("staging", version=1, actor=name)
    assert pedigree.holder("churn", "staging") is None
    for tag in ("pedigree/actor", "user"):
        with pytest.raises(ReservedNameError):
            materialize(CHURN, run_config=recipe(CHURN, "two"), tags={tag: name})
    assert len(pedigree.versions("churn")) == 1  # refused before the training


def test_the_sensor_is_the_actor_of_the_moves_that_it_requests(
    train: Materialize, stage: Materialize, pedigree: Registry
) -> None:
    train("one")
    stage("staging", version=1, automatic=True)
    assert pedigree.timeline("churn")[-1].moved_by == "sensor:pedigree_promotion"


def test_stages_of_a_partitioned_model_are_moved_per_partition(
    materialize: Materialize, pedigree: Registry
) -> None:
    countries = dg.StaticPartitionsDefinition(["de", "fr"])
    model = churn_asset("by_country", partitions_def=countries)
    model_spec = model_spec_of(model)
    stages = stage_assets(model_spec, partitions_def=countries)
    for country in ("de", "fr"):
        materialize(
            model,
            model_checks(model),
            partition_key=country,
            run_config=recipe(model, country),
        )
    config = StageConfig(version=1)
    result = materialize(
        *stages,
        partition_key="de",
        selection=[model_spec.stage_key("staging")],
        run_config=dg.RunConfig(ops={stage_op(model_spec, "staging"): config}),
    )
    (event,) = materializations(result)
    assert event.partition == "de"
    assert pedigree.holder("by_country-de", "staging").version_id == 1
    assert pedigree.holder("by_country-fr", "staging") is None


@pytest.mark.parametrize("name", ["customer churn", "für.alle", "a-b"])
def test_a_model_that_is_trained_elsewhere_has_stages_with_any_name(name: str) -> None:
    model_spec = model_spec_of(name)
    graph = registry_definitions(name, checks=False).get_repository_def().asset_graph
    assert graph.get(model_spec.stage_key("staging")).parent_keys == {model_spec.key}
    assert graph.get(model_spec.stage_key("production")).parent_keys == {
        model_spec.stage_key("staging")
    }
