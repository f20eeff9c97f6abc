"""Asset checks of users on models become verdicts on exactly the version they examined."""

from collections.abc import Callable, Iterator
from typing import Any

import dagster as dg
import pytest
from dagster._core.definitions.asset_checks.asset_check_evaluation import (
    AssetCheckEvaluationTargetMaterializationData as Target,
)

from pedigree.audit.event_types import EventType
from pedigree.catalog.records import ModelVersion
from pedigree.dagster import (
    ModelOut,
    RegistryResource,
    TrainedModel,
    model_asset,
    model_multi_asset,
    registry_definitions,
)
from pedigree.lifecycle.records import Policy
from pedigree.registry import Registry
from tests.dagster.location import Location
from tests.dagster.models import churn_asset, recipe, trained
from tests.values.bad import deep

LATENCY = "latency"


def asking(*checks: object) -> Policy:
    return Policy.model_validate(
        {
            "stages": [
                {"name": "candidate", "after": ["none"], "checks": list(checks)},
                {"name": "staging", "after": ["candidate"], "checks": list(checks)},
            ]
        }
    )


CHURN = churn_asset(policy=asking(LATENCY))


@pytest.fixture
def at(instance: dg.DagsterInstance, resources: dict[str, object]) -> Callable[..., Location]:
    """A location with some assets and custom checks."""

    def make(model: dg.AssetsDefinition, *own: Any) -> Location:
        definitions = dg.Definitions.merge(
            dg.Definitions(assets=[model], asset_checks=list(own)),
            registry_definitions(model, registry=resources["registry"], checks=False),
        )
        return Location(instance, definitions, resources)

    return make


@pytest.fixture
def run(instance: dg.DagsterInstance, resources: dict[str, object]) -> Callable[..., Any]:
    """Materialize a model with its checks, or run only the checks."""

    def execute(
        model: dg.AssetsDefinition,
        *own: Any,
        content: str | None = "one",
        **options: Any,
    ) -> dg.ExecuteInProcessResult:
        selection = dg.AssetSelection.assets(model)
        if content is None:
            selection = dg.AssetSelection.all_asset_checks()
        config = recipe(model, content) if content is not None else None
        return dg.materialize(
            [model, *own],
            instance=instance,
            resources=resources,
            selection=selection,
            run_config=config,
            raise_on_error=False,
            **options,
        )

    return execute


def verdict(registry: Registry, reference: str, check: str = LATENCY) -> bool | None:
    """Return the result of a check on a version; None without a verdict."""
    found = [each.passed for each in registry.verdicts(reference) if each.check == check]
    return found[0] if found else None


def waits(registry: Registry, reference: str) -> str:
    return "; ".join(registry.explain(reference, "staging").waits_for)


def simple(passed: bool = True, **options: Any) -> dg.AssetChecksDefinition:
    """A check that loads nothing."""

    @dg.asset_check(asset=CHURN, name=LATENCY, **options)
    def latency() -> dg.AssetCheckResult:
        return dg.AssetCheckResult(passed=passed, description="3 ms", metadata={"ms": 3.0})

    return latency


def test_a_custom_check_satisfies_a_policy_that_requires_it(
    at: Callable[..., Location], run: Callable[..., Any], pedigree: Registry
) -> None:
    check = simple()
    location = at(CHURN, check)
    result = run(CHURN, check)
    assert waits(pedigree, "churn/1").startswith("check latency, which has not run") is False
    location.tick("pedigree_promotion")
    (found,) = pedigree.verdicts("churn/1")
    assert (found.passed, found.digest) == (True, pedigree.get("churn/1").digest)
    assert (found.summary, found.run_id, found.settings) == ("3 ms", result.run_id, None)
    assert found.recorded_by == "sensor:pedigree_promotion"
    assert found.details["ms"] == 3.0
    assert pedigree.get("churn/1").stage == "candidate"


def test_metadata_that_has_no_json_form_stops_no_verdict(
    at: Callable[..., Location], run: Callable[..., Any], pedigree: Registry
) -> None:
    @dg.asset_check(asset=CHURN, name=LATENCY)
    def latency() -> dg.AssetCheckResult:
        found = {"auc": float("nan"), "deep": deep(100), "text": "a\0b", "long": "x" * 300_000}
        return dg.AssetCheckResult(passed=True, description="3\0 ms", metadata=found)

    location = at(CHURN, latency)
    run(CHURN, latency)
    location.tick("pedigree_promotion")
    (found,) = pedigree.verdicts("churn/1")
    assert found.passed
    assert found.summary == r"3\x00 ms"
    assert (found.details["auc"], found.details["text"]) == ("nan", r"a\x00b")
    assert "nested deeper" in str(found.details["deep"])
    assert "left out" in str(found.details["long"])


def test_an_evaluation_is_recorded_once_over_many_ticks(
    at: Callable[..., Location], run: Callable[..., Any], pedigree: Registry
) -> None:
    check = simple()
    location = at(CHURN, check)
    run(CHURN, check)
    location.tick("pedigree_promotion")
    location.tick("pedigree_promotion")
    location.cursors.clear()  # a lost cursor, or another daemon
    location.tick("pedigree_promotion")
    recorded = pedigree.events(types=[EventType.VERSION_CHECK_RECORDED])
    assert len(recorded) == 1


@pytest.mark.parametrize("blocking", [False, True])
def test_a_failed_check_blocks_the_version_and_a_warning_does_not(
    blocking: bool, at: Callable[..., Location], run: Callable[..., Any], pedigree: Registry
) -> None:
    failing = simple(passed=False, blocking=blocking)
    location = at(CHURN, failing)
    run(CHURN, failing)
    location.tick("pedigree_promotion")
    assert verdict(pedigree, "churn/1") is False
    assert "check latency, which failed: 3 ms" in waits(pedigree, "churn/1")

    @dg.asset_check(asset=CHURN, name=LATENCY, blocking=blocking)
    def warning() -> dg.AssetCheckResult:
        return dg.AssetCheckResult(passed=False, severity=dg.AssetCheckSeverity.WARN)

    run(CHURN, warning, content="two")
    location.tick("pedigree_promotion")
    assert verdict(pedigree, "churn/2") is False
    assert pedigree.get("churn/2").stage == "candidate"


def in_the_step(order: str) -> dg.AssetsDefinition:
    """A model whose own step checks it, before or after it yields the output."""

    @dg.multi_asset(
        name="churn",
        outs={
            "model": dg.AssetOut(
                key=["models", "churn"],
                io_manager_key="model_io_manager",
                metadata={
                    "pedigree/model": "churn",
                    "pedigree/policy": asking(LATENCY).model_dump(mode="json"),
                },
            )
        },
        check_specs=[dg.AssetCheckSpec(LATENCY, asset=["models", "churn"])],
    )
    def churn() -> Iterator[Any]:
        made = dg.Output(trained(order), output_name="model")
        result = dg.AssetCheckResult(passed=True)
        yield from (result, made) if order == "before" else (made, result)

    return churn


@pytest.mark.parametrize("order", ["before", "after"])
def test_a_check_in_the_step_of_the_model_applies_to_its_version(
    order: str,
    at: Callable[..., Location],
    run: Callable[..., Any],
    resources: dict[str, object],
    instance: dg.DagsterInstance,
    pedigree: Registry,
) -> None:
    run(CHURN, content="an older version")
    model = in_the_step(order)
    location = at(model)
    dg.materialize([model], instance=instance, resources=resources)
    location.tick("pedigree_promotion")
    assert (verdict(pedigree, "churn/1"), verdict(pedigree, "churn/2")) == (None, True)


@pytest.mark.parametrize("form", ["trained model", "materialize result"])
def test_the_step_of_a_model_asset_can_check_its_version(
    form: str,
    at: Callable[..., Location],
    run: Callable[..., Any],
    resources: dict[str, object],
    instance: dg.DagsterInstance,
    pedigree: Registry,
) -> None:
    run(CHURN, content="an older version")
    specs = [dg.AssetCheckSpec(LATENCY, asset=CHURN.key)]
    found = [dg.AssetCheckResult(passed=False, severity=dg.AssetCheckSeverity.WARN)]
    own = {"policy": asking(LATENCY), "flavor": "generic"}
    if form == "trained model":

        @model_asset(name="churn", check_specs=specs, **own)
        def churn() -> TrainedModel:
            return trained("checked", check_results=found)

    else:

        @model_multi_asset(outs={"model": ModelOut("churn", **own)}, check_specs=specs)
        def churn() -> Iterator[dg.MaterializeResult]:
            made = trained("checked")
            yield dg.MaterializeResult(CHURN.key, value=made, check_results=found)

    location = at(churn)
    dg.materialize([churn], instance=instance, resources=resources)
    location.tick("pedigree_promotion")
    assert (verdict(pedigree, "churn/1"), verdict(pedigree, "churn/2")) == (None, False)
    assert pedigree.get("churn/2").stage == "candidate"


def test_a_multi_asset_check_counts_for_each_model(
    at: Callable[..., Location], run: Callable[..., Any], pedigree: Registry
) -> None:
    specs = [dg.AssetCheckSpec(name, asset=CHURN.key) for name in (LATENCY, "size")]

    @dg.multi_asset_check(specs=specs)
    def both() -> Iterator[dg.AssetCheckResult]:
        yield dg.AssetCheckResult(passed=True, check_name=LATENCY, asset_key=CHURN.key)
        yield dg.AssetCheckResult(passed=False, check_name="size", asset_key=CHURN.key)

    location = at(CHURN, both)
    run(CHURN, both)
    location.tick("pedigree_promotion")
    assert verdict(pedigree, "churn/1") is True
    assert verdict(pedigree, "churn/1", "size") is False


def test_a_check_from_a_factory_counts(
    at: Callable[..., Location], run: Callable[..., Any], pedigree: Registry
) -> None:
    checks = dg.build_metadata_bounds_checks(assets=[CHURN], metadata_key="accuracy", min_value=0.5)
    location = at(CHURN, *checks)
    run(CHURN, *checks)
    location.tick("pedigree_promotion")
    (found,) = pedigree.verdicts("churn/1")
    assert found.passed


def test_evaluations_under_the_names_of_the_registry_checks_are_ignored(
    at: Callable[..., Location], run: Callable[..., Any], pedigree: Registry
) -> None:
    @dg.asset_check(asset=CHURN, name="artifact_intact")
    def mine() -> dg.AssetCheckResult:
        return dg.AssetCheckResult(passed=True)

    location = at(CHURN, mine)
    run(CHURN, mine)
    location.tick("pedigree_promotion")
    assert pedigree.verdicts("churn/1") == ()


def test_a_check_that_runs_alone_applies_to_the_newest_version_at_that_time(
    at: Callable[..., Location], run: Callable[..., Any], pedigree: Registry
) -> None:
    check = simple()
    location = at(CHURN, check)
    run(CHURN, content="one")
    run(CHURN, content="two")
    run(CHURN, content="one")  # the old digest again: the asset's newest is version 1
    run(CHURN, check, content=None)
    location.tick("pedigree_promotion")
    assert (verdict(pedigree, "churn/1"), verdict(pedigree, "churn/2")) == (True, None)


def test_a_check_can_name_its_version_if_that_exists(
    at: Callable[..., Location], run: Callable[..., Any], pedigree: Registry
) -> None:
    names: dict[str, str] = {}

    @dg.asset_check(asset=CHURN, name=LATENCY)
    def latency() -> dg.AssetCheckResult:
        return dg.AssetCheckResult(passed=True, metadata=names)

    location = at(CHURN, latency)
    run(CHURN, content="one")
    run(CHURN, content="two")
    first = pedigree.get("churn/1")
    for claimed, expected in (
        ({"pedigree/reference": "churn/9"}, (None, None)),
        ({"pedigree/reference": "churn@latest"}, (None, None)),
        ({"pedigree/reference": "other/1"}, (None, None)),
        ({"pedigree/reference": "churn/2", "pedigree/digest": first.digest}, (None, None)),
        ({"pedigree/digest": "sha256:" + "0" * 64}, (None, None)),
        ({"pedigree/reference": "churn/1"}, (True, None)),
    ):
        names.clear()
        names.update(claimed)
        run(CHURN, latency, content=None)
        location.tick("pedigree_promotion")
        assert (verdict(pedigree, "churn/1"), verdict(pedigree, "churn/2")) == expected, claimed


def overtaken(instance: dg.DagsterInstance, reference: str, registry: Registry) -> None:
    """Let another run materialize another version during a check."""
    version = registry.get(reference)
    instance.report_runless_asset_event(
        dg.AssetMaterialization(
            CHURN.key,
            metadata={"pedigree/reference": reference, "pedigree/digest": version.digest},
        )
    )


def overtaken_check(instance: dg.DagsterInstance, registry: Registry) -> dg.AssetChecksDefinition:
    """A check that ends after its asset was made again as the first version."""

    @dg.asset_check(asset=CHURN, name=LATENCY)
    def overtaken_meanwhile() -> dg.AssetCheckResult:
        overtaken(instance, "churn/1", registry)
        return dg.AssetCheckResult(passed=True)

    return overtaken_meanwhile


def test_a_check_during_which_the_asset_changes_has_an_unknown_version(
    at: Callable[..., Location],
    run: Callable[..., Any],
    pedigree: Registry,
    instance: dg.DagsterInstance,
) -> None:
    check = overtaken_check(instance, pedigree)
    location = at(CHURN, check)
    run(CHURN, content="one")
    result = run(CHURN, check, content="two")
    answer = location.tick("pedigree_promotion")
    assert pedigree.verdicts("churn/1") == pedigree.verdicts("churn/2") == ()
    assert "check latency ran on an unknown version" in answer.skip_message
    reason = waits(pedigree, "churn/2")
    assert f"which ran in run {result.run_id}, but on which version is not known" in reason
    (event,) = pedigree.events(types=[EventType.MODEL_CHECK_UNATTRIBUTED])
    assert (event.model, event.body["check"]) == ("churn", LATENCY)
    assert event.body["problem"] == "there are 2 versions that it may have examined"


def test_a_first_version_that_appears_during_the_check_is_not_taken_for_its_input(
    at: Callable[..., Location],
    run: Callable[..., Any],
    pedigree: Registry,
    instance: dg.DagsterInstance,
) -> None:
    check = overtaken_check(instance, pedigree)
    location = at(CHURN, check)
    run(CHURN, content="one")
    instance.wipe_assets([CHURN.key])
    run(CHURN, check, content=None)
    location.tick("pedigree_promotion")
    assert pedigree.verdicts("churn/1") == ()
    assert "the asset's state at the start of the step is unknown" in waits(pedigree, "churn/1")


def test_a_wiped_materialization_is_not_replaced_by_an_older_version(
    at: Callable[..., Location],
    run: Callable[..., Any],
    pedigree: Registry,
    instance: dg.DagsterInstance,
) -> None:
    check = simple()
    location = at(CHURN, check)
    run(CHURN, check, content="two")
    instance.wipe_assets([CHURN.key])
    run(CHURN, content="one")
    location.tick("pedigree_promotion")
    assert pedigree.verdicts("churn/1") == pedigree.verdicts("churn/2") == ()


def test_the_version_that_the_io_manager_loaded_is_known_even_if_the_asset_changes(
    at: Callable[..., Location],
    run: Callable[..., Any],
    pedigree: Registry,
    instance: dg.DagsterInstance,
) -> None:
    @dg.asset_check(asset=CHURN, name=LATENCY)
    def slow(churn: ModelVersion) -> dg.AssetCheckResult:
        overtaken(instance, "churn/1", pedigree)
        return dg.AssetCheckResult(passed=True, description=churn.reference)

    location = at(CHURN, slow)
    run(CHURN, content="one")
    run(CHURN, slow, content="two")
    location.tick("pedigree_promotion")
    assert pedigree.verdicts("churn/1") == ()
    assert [each.summary for each in pedigree.verdicts("churn/2")] == ["churn/2"]


def test_a_check_that_loads_another_version_does_not_count_for_the_newest(
    at: Callable[..., Location], run: Callable[..., Any], pedigree: Registry
) -> None:
    @dg.asset_check(asset=CHURN, name=LATENCY)
    def of_the_first(
        context: dg.AssetCheckExecutionContext, registry: RegistryResource
    ) -> dg.AssetCheckResult:
        registry.bind(context).load("churn/1")
        return dg.AssetCheckResult(passed=True)

    location = at(CHURN, of_the_first)
    run(CHURN, content="one")
    run(CHURN, of_the_first, content="two")
    location.tick("pedigree_promotion")
    assert pedigree.verdicts("churn/1") == pedigree.verdicts("churn/2") == ()


def test_an_evaluation_without_a_run_applies_to_its_target_materialization(
    at: Callable[..., Location],
    run: Callable[..., Any],
    pedigree: Registry,
    instance: dg.DagsterInstance,
) -> None:
    location = at(CHURN)
    for content in ("one", "two"):
        run(CHURN, content=content)
    first = instance.fetch_materializations(CHURN.key, limit=1, ascending=True).records[0]

    def report(**options: Any) -> None:
        instance.report_runless_asset_event(
            dg.AssetCheckEvaluation(
                asset_key=CHURN.key, check_name=LATENCY, passed=True, metadata={}, **options
            )
        )
        location.tick("pedigree_promotion")

    report()
    assert pedigree.verdicts("churn/1") == pedigree.verdicts("churn/2") == ()
    target = Target(storage_id=first.storage_id, run_id=first.run_id, timestamp=first.timestamp)
    report(target_materialization_data=target)
    assert (verdict(pedigree, "churn/1"), verdict(pedigree, "churn/2")) == (True, None)


def test_a_check_of_a_partition_applies_to_the_model_of_the_partition(
    at: Callable[..., Location],
    instance: dg.DagsterInstance,
    resources: dict[str, object],
    pedigree: Registry,
) -> None:
    countries = dg.StaticPartitionsDefinition(["de", "fr"])
    model = churn_asset("by_country", policy=asking(LATENCY), partitions_def=countries)

    @dg.asset_check(asset=model, name=LATENCY, partitions_def=countries)
    def with_partition() -> dg.AssetCheckResult:
        return dg.AssetCheckResult(passed=True)

    @dg.asset_check(asset=model, name="whole")
    def without() -> dg.AssetCheckResult:
        return dg.AssetCheckResult(passed=True)

    location = at(model, with_partition, without)
    for country in ("de", "fr"):
        dg.materialize(
            [model, with_partition, without],
            instance=instance,
            resources=resources,
            partition_key=country,
            run_config=recipe(model, country),
        )
    location.tick("pedigree_promotion")
    for country in ("de", "fr"):
        reference = f"by_country-{country}/1"
        assert verdict(pedigree, reference) is True
        assert verdict(pedigree, reference, "whole") is True


def test_a_check_inside_a_graph_backed_asset_applies_to_its_version(
    at: Callable[..., Location],
    run: Callable[..., Any],
    instance: dg.DagsterInstance,
    resources: dict[str, object],
    pedigree: Registry,
) -> None:
    for content in ("one", "two"):
        run(CHURN, content=content)
    first = pedigree.get("churn/1")

    @dg.op
    def check_first() -> Any:
        return dg.AssetCheckResult(passed=True)

    @dg.op(ins={"after": dg.In(dg.Nothing)}, out=dg.Out(dg.Nothing))
    def train(context: dg.OpExecutionContext) -> None:
        claimed = {"pedigree/reference": "churn/1", "pedigree/digest": first.digest}
        context.add_output_metadata(claimed)

    @dg.graph_multi_asset(
        name="graph_of_churn",
        outs={"model": dg.AssetOut(key=CHURN.key, metadata={"pedigree/model": "churn"})},
        check_specs=[dg.AssetCheckSpec(LATENCY, asset=CHURN.key)],
    )
    def churn() -> dict[str, Any]:
        checked = check_first()
        return {"model": train(after=checked), "models__churn_latency": checked}

    location = at(churn)
    dg.materialize([churn], instance=instance, resources=resources)
    location.tick("pedigree_promotion")
    # version 2 was the newest when the check ran, but its graph makes version 1
    assert (verdict(pedigree, "churn/1"), verdict(pedigree, "churn/2")) == (True, None)
