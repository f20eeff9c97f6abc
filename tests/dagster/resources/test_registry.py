from collections.abc import Callable

import dagster as dg
import pytest
from dagster_aws.s3 import S3Resource

from pedigree.dagster import RegistryResource
from pedigree.dagster.resources.registry import credentials_of
from pedigree.errors import InvalidInputError
from pedigree.registry import Registry
from tests.dagster.models import trained


@pytest.fixture
def run_op(
    instance: dg.DagsterInstance, resources: dict[str, object]
) -> Callable[..., dg.ExecuteInProcessResult]:
    def run(body: Callable[..., object], **tags: str) -> dg.ExecuteInProcessResult:
        @dg.op(name="adopt")
        def op(context: dg.OpExecutionContext, registry: RegistryResource) -> None:
            body(context, registry)

        @dg.job(resource_defs=resources)
        def by_hand() -> None:
            op()

        return by_hand.execute_in_process(instance=instance, tags=tags)

    return run


def test_an_op_registers_a_version_with_its_run_op_and_commit(
    run_op: Callable[..., dg.ExecuteInProcessResult],
    pedigree: Registry,
    instance: dg.DagsterInstance,
) -> None:
    instance.report_runless_asset_event(
        dg.AssetMaterialization("raw", tags={"dagster/data_version": "raw-1"})
    )

    def adopt(context: dg.OpExecutionContext, registry: RegistryResource) -> None:
        registry.bind(context).register(
            "churn", trained("adopted"), flavor="generic", trained_on=["raw"]
        )

    result = run_op(adopt)
    (training,) = pedigree.trainings("churn/1")
    assert training.metadata.run_id == result.run_id
    assert training.metadata.git_commit == "0123456789abcdef"
    assert training.origin.job_name == "by_hand"
    assert training.origin.step_key == "adopt"
    ((node, capture),) = pedigree.lineage("churn/1").inputs()
    assert (node.asset, node.data_version, capture.value) == ("raw", "raw-1", "declared")
    assert pedigree.card("churn/1").markdown


def test_an_op_gets_promotes_and_pulls(
    run_op: Callable[..., dg.ExecuteInProcessResult], pedigree: Registry, tmp_path
) -> None:
    def adopt(_: dg.OpExecutionContext, registry: RegistryResource) -> None:
        bound = registry.bind()  # finds the context of the running op
        reference = bound.register("churn", trained("x"), flavor="generic").version.reference
        for check in bound.registry.registration_checks("churn"):
            bound.registry.run_check(reference, check)
        bound.promote(reference, "staging", reason="by hand")
        assert bound.get("churn@staging").reference == reference
        bound.pull(reference, tmp_path / "pulled")

    run_op(adopt, **{"pedigree/actor": "bob"})
    assert (tmp_path / "pulled" / "model.txt").read_text() == "x"
    assert pedigree.get("churn/1").stage == "staging"


def test_the_tag_of_the_run_is_the_actor_if_the_settings_have_none(
    run_op: Callable[..., dg.ExecuteInProcessResult],
    pedigree: Registry,
    monkeypatch: pytest.MonkeyPatch,
    database_url: str,
    resources: dict[str, object],
) -> None:
    from pedigree.dagster.resources import registry as resource

    monkeypatch.delenv("PEDIGREE_ACTOR")
    monkeypatch.setattr(resource, "_CLIENTS", {})

    def adopt(context: dg.OpExecutionContext, registry: RegistryResource) -> None:
        registry.bind(context).register("churn", trained("x"), flavor="generic")

    run_op(adopt, **{"pedigree/actor": "bob"})
    assert pedigree.get("churn/1").created_by == "bob"
    assert pedigree.get("churn/1").created_by_source == "dagster run tag"


def test_bind_outside_a_run_is_refused(resources: dict[str, object]) -> None:
    with pytest.raises(InvalidInputError, match="no Dagster run"):
        resources["registry"].bind()


def test_a_process_has_one_client(resources: dict[str, object], database_url: str) -> None:
    first = resources["registry"].connect()
    assert RegistryResource(database_url=database_url).connect() is first


def test_an_environment_variable_is_resolved_outside_a_run(
    resources: dict[str, object], database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OUR_DATABASE", database_url)
    client = RegistryResource(database_url=dg.EnvVar("OUR_DATABASE")).connect()
    assert client.models() == ()


def test_a_password_is_in_neither_the_repr_nor_the_configuration() -> None:
    resource = RegistryResource(database_url="postgresql://ann:secret@db/registry")
    schema = dg.Definitions(resources={"registry": resource}).get_repository_def()
    configured = schema.get_top_level_resources()["registry"].config_schema
    assert "secret" not in f"{resource!r} {resource} {configured.default_value}"
    assert "ann" in repr(resource)


def test_an_s3_resource_configures_the_access_to_the_store(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STORE_SECRET", "shh")
    found = credentials_of(
        S3Resource(
            endpoint_url="http://127.0.0.1:9000",
            region_name="eu-central-1",
            aws_access_key_id="key",
            aws_secret_access_key=dg.EnvVar("STORE_SECRET"),
        )
    )
    assert found.endpoint_url == "http://127.0.0.1:9000"
    assert found.region == "eu-central-1"
    assert found.secret_access_key.get_secret_value() == "shh"
    assert "shh" not in repr(found)


def test_an_s3_resource_nests_in_the_registry(
    instance: dg.DagsterInstance, database_url: str, home, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PEDIGREE_HOME", str(home))
    seen = {}

    @dg.asset
    def uses(registry: RegistryResource) -> None:
        seen["credentials"] = credentials_of(registry.s3)

    s3 = S3Resource(endpoint_url="http://127.0.0.1:9000", region_name="eu-central-1")
    registry = RegistryResource(database_url=database_url, s3=s3)
    dg.materialize([uses], instance=instance, resources={"registry": registry})
    assert seen["credentials"].endpoint_url == "http://127.0.0.1:9000"


def test_another_resource_in_place_of_s3_is_refused() -> None:
    with pytest.raises(InvalidInputError, match="S3Resource"):
        credentials_of("s3")
