"""Versions that a notebook registers are judged by the asset checks of users, then shown."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import dagster as dg
import pytest
from psycopg import sql

from pedigree.catalog.records import ModelVersion
from pedigree.catalog.seal_states import SealState
from pedigree.dagster import registry_definitions, stage_key
from pedigree.lifecycle.records import Policy
from pedigree.postgres.transaction import Transaction
from pedigree.registry import Registry
from pedigree.registry.pending_registrations import PendingRegistrations
from pedigree.registry.sources import NewSource
from pedigree.settings import Settings
from tests.dagster.location import Location
from tests.dagster.models import churn_asset

POLICY = Policy.model_validate(
    {
        "registration": ["latency"],
        "stages": [
            {"name": "candidate", "after": ["none"]},
            {"name": "production", "after": ["candidate"], "checks": ["latency"]},
        ],
    }
)
CHURN = churn_asset(policy=POLICY)
PRODUCTION = stage_key("churn", "production")


def latency_of(
    examine: Callable[[Path], bool], model: dg.AssetsDefinition = CHURN, **options: Any
) -> dg.AssetChecksDefinition:
    """A check that reads the files of the version that it judges."""

    @dg.asset_check(asset=model, name="latency", **options)
    def latency(churn: Path) -> dg.AssetCheckResult:
        return dg.AssetCheckResult(
            passed=examine(churn), description=f"{len(list(churn.iterdir()))} files"
        )

    return latency


def is_fast(folder: Path) -> bool:
    return (folder / "weights.bin").read_bytes() == b"fast"


@pytest.fixture
def at(instance: dg.DagsterInstance, resources: dict[str, object]) -> Callable[..., Location]:
    """A location with the model and some checks of users."""

    def make(*checks: object) -> Location:
        definitions = dg.Definitions.merge(
            dg.Definitions(assets=[CHURN], asset_checks=list(checks)),
            registry_definitions(CHURN, registry=resources["registry"], checks=False),
        )
        return Location(instance, definitions, resources)

    return make


@pytest.fixture
def notebook(pedigree: Registry, tmp_path: Path) -> Callable[[bytes], str]:
    """Registers a model as an MLflow client does, and returns the reference."""
    rules = Settings.model_validate({"mlflow_sources": f"file://{tmp_path}=seal"}).mlflow_sources
    settings = pedigree.settings.model_copy(update={"mlflow_sources": rules})
    service = Registry(pedigree.database, pedigree.store, settings)
    service.create_model("churn")
    service.set_policy("churn", POLICY)

    def register(weights: bytes) -> str:
        folder = tmp_path / weights.decode()
        folder.mkdir(exist_ok=True)
        (folder / "weights.bin").write_bytes(weights)
        created = service.operations.sources.create("churn", NewSource(source=str(folder)))
        PendingRegistrations(service).run()
        return created.new().version.reference

    return register


def let_eleven_minutes_pass(registry: Registry) -> None:
    """Let the last request of checks, and the time of the next look, be that long ago."""

    def age(transaction: Transaction) -> None:
        for table, column in (("awaited_judgement", "asked_at"), ("pending_work", "due_at")):
            transaction.execute(
                sql.SQL("UPDATE pedigree.{} SET {} = clock_timestamp() - interval '11 min'").format(
                    sql.Identifier(table), sql.Identifier(column)
                )
            )

    registry.database.transaction(age)


def served(registry: Registry) -> None:
    """What the service does while it runs: the pending versions that are due."""
    PendingRegistrations(registry).run()


def run_requested(location: Location) -> list[dg.RunRequest]:
    """Tick the mirror, and execute what it requests."""
    answer = location.tick("pedigree_mirror")
    for request in answer.run_requests:
        location.execute(request, raise_on_error=False)
    return list(answer.run_requests)


def executed(location: Location, registry: Registry, reference: str) -> ModelVersion:
    """Let the location judge a version once, and the service go on with it."""
    run_requested(location)
    location.tick("pedigree_promotion")
    served(registry)
    return registry.get(reference)


def test_a_version_of_a_notebook_passes_its_asset_checks_and_its_stage_is_materialized(
    at: Callable[..., Location], pedigree: Registry, notebook: Callable[[bytes], str]
) -> None:
    location = at(latency_of(is_fast))
    location.mirror()  # the deployment is there
    reference = notebook(b"fast")
    assert pedigree.get(reference).state is SealState.PENDING
    (request,) = run_requested(location)
    assert [key.name for key in request.asset_check_keys] == ["latency"]
    assert run_requested(location) == []  # its result is not recorded yet
    location.tick("pedigree_promotion")
    served(pedigree)
    version = pedigree.get(reference)
    assert version.state is SealState.SEALED
    (verdict,) = pedigree.verdicts(reference)
    assert (verdict.check, verdict.passed, verdict.digest) == ("latency", True, version.digest)
    pedigree.promote(reference, "candidate")
    pedigree.promote(reference, "production")
    assert location.mirror() == [("churn", "1"), ("production", "1")]
    event = location.instance.get_latest_materialization_event(PRODUCTION).asset_materialization
    assert event.tags["dagster/data_version"] == version.digest
    assert run_requested(location) == []
    location.cursors.clear()  # a lost cursor records no verdict twice
    location.tick("pedigree_promotion")
    assert len(pedigree.verdicts(reference)) == 1
    assert pedigree.fsck().ok


def test_a_check_that_fails_lets_the_registration_fail_with_its_name(
    at: Callable[..., Location], pedigree: Registry, notebook: Callable[[bytes], str]
) -> None:
    location = at(latency_of(is_fast, blocking=True))  # a blocking check fails its run as well
    location.mirror()
    failed = executed(location, pedigree, notebook(b"slow"))
    assert (failed.state, failed.digest) == (SealState.FAILED, None)
    assert "check latency, which failed: 1 files" in str(failed.state_reason)
    assert pedigree.verdicts("churn/1") == ()
    assert location.mirror() == []
    fixed = executed(location, pedigree, notebook(b"fast"))
    assert (fixed.reference, fixed.state) == ("churn/2", SealState.SEALED)
    again = pedigree.get(notebook(b"fast"))  # the same bytes are judged already
    assert (again.reference, again.state) == ("churn/3", SealState.SEALED)
    assert pedigree.fsck().ok


def test_a_run_that_was_killed_is_requested_again(
    at: Callable[..., Location], pedigree: Registry, notebook: Callable[[bytes], str]
) -> None:
    location = at(latency_of(is_fast))
    location.mirror()
    reference = notebook(b"fast")
    (request,) = location.tick("pedigree_mirror").run_requests
    job = location.definitions.get_repository_def().get_job(request.job_name)
    run = location.instance.create_run_for_job(
        job.get_subset(asset_selection=set(), asset_check_selection=set(request.asset_check_keys)),
        tags=dict(request.tags),
    )
    assert location.tick("pedigree_mirror").run_requests == []  # it may still judge the version
    served(pedigree)
    assert pedigree.get(reference).state is SealState.PENDING
    location.instance.report_run_failed(run)  # as the daemon does for a run whose worker is gone
    (again,) = location.tick("pedigree_mirror").run_requests
    assert again.run_key != request.run_key
    location.execute(again)
    location.tick("pedigree_promotion")
    served(pedigree)
    assert pedigree.get(reference).state is SealState.SEALED


def test_a_check_that_cannot_be_judged_fails_with_the_reason(
    at: Callable[..., Location], pedigree: Registry, notebook: Callable[[bytes], str]
) -> None:
    @dg.asset_check(asset=CHURN, name="latency")
    def reads_nothing() -> dg.AssetCheckResult:
        return dg.AssetCheckResult(passed=True)

    def broken(folder: Path) -> bool:
        raise ValueError("no GPU")

    def reason(location: Location) -> str:
        reference = notebook(b"fast")
        for _ in range(4):
            run_requested(location)
            location.tick("pedigree_promotion")
        served(pedigree)
        assert pedigree.get(reference).state is SealState.FAILED
        return str(pedigree.get(reference).state_reason)

    at().mirror()
    assert "latency is no asset check of models/churn" in reason(at())
    assert "it did not load churn/2, which its run judges" in reason(at(reads_nothing))
    assert "failed 3 times" in (found := reason(at(latency_of(broken))))
    assert "no GPU" in found


def test_without_a_deployment_that_asks_for_the_check_the_registration_fails(
    at: Callable[..., Location], pedigree: Registry, notebook: Callable[[bytes], str]
) -> None:
    alone = pedigree.get(notebook(b"fast"))  # no mirror was ever there, so nobody waits for one
    assert (alone.state, alone.digest) == (SealState.FAILED, None)
    assert "check latency, which has not run" in str(alone.state_reason)
    at(latency_of(is_fast)).mirror()
    reference = notebook(b"fast")
    let_eleven_minutes_pass(pedigree)
    served(pedigree)
    assert "No Dagster deployment asked for latency within 10 minutes" in str(
        pedigree.get(reference).state_reason
    )
