"""Versions with the same bytes share the verdicts that are true of the bytes alone."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from pedigree.lifecycle.check_run_records import CheckRun
from pedigree.lifecycle.checks import CHECKS
from pedigree.lifecycle.records import Policy, RecordedVerdict, Verdict
from pedigree.lifecycle.shared_verdicts import is_of_bytes
from pedigree.registry import Registry
from pedigree.registry.sources import NewSource
from tests.factories import register

OF_BYTES = ["artifact_intact", "latency"]
OF_VERSIONS = ["metadata_complete", "signature_compatible"]


def policy_of(*checks: str) -> Policy:
    stages = [{"name": "production", "after": ["none"], "checks": list(checks)}]
    return Policy.model_validate({"stages": stages})


def copied(registry: Registry) -> str:
    """Register the bytes of the first version once more, as a client of MLflow does."""
    new = NewSource(source="models:/churn/1")
    return registry.operations.sources.create("churn", new).new().version.reference


def ran_latency(registry: Registry, event_id: int, *, passed: bool = True) -> None:
    """Record the result of an asset check on the first version's bytes."""
    run = CheckRun(
        instance_id="dagster",
        event_id=event_id,
        check="latency",
        passed=passed,
        digest=registry.get("churn/1").digest,
        summary="3 ms",
        looked_at=datetime.now(UTC),
    )
    registry.operations.check_runs.record_check_run("churn", run)


def shared(registry: Registry, reference: str) -> dict[str, RecordedVerdict]:
    """The verdicts of a version that name another one."""
    found = registry.verdicts(reference)
    return {each.check: each for each in found if "same_bytes_as" in each.details}


def missing(registry: Registry, reference: str) -> str:
    return "; ".join(registry.explain(reference, "production").waits_for)


def test_only_checks_that_read_nothing_but_bytes_are_shared() -> None:
    assert {name for name in CHECKS if is_of_bytes(name)} == {"artifact_intact", "artifact_scan"}


@pytest.mark.parametrize("custom", [False, True])
def test_a_copy_takes_what_is_true_of_its_bytes(
    registry: Registry, tmp_path: Path, custom: bool
) -> None:
    checks = [*OF_VERSIONS, "artifact_intact", *(["latency"] if custom else [])]
    registry.create_model("churn")
    registry.set_policy("churn", policy_of(*checks))
    register(registry, tmp_path, "one")
    registry.run_checks("churn/1")
    if custom:
        ran_latency(registry, 1)
    first = {each.check: each for each in registry.verdicts("churn/1")}
    for reference in (copied(registry), copied(registry)):
        assert {each.check for each in registry.verdicts(reference)} == set(checks)
        found = shared(registry, reference)
        assert found.keys() == set(checks) & set(OF_BYTES)
        for check, verdict in found.items():
            assert verdict.details["same_bytes_as"] == "churn/1"
            assert verdict.looked_at == first[check].looked_at  # it did not run again
            assert verdict.summary == (
                f"{first[check].summary} (judged as churn/1, which has the same bytes)"
            )
        assert missing(registry, reference) == ""
        assert shared(registry, "churn/1") == {}
        registry.rerun_check(reference, "artifact_intact")
        assert "artifact_intact" not in shared(registry, reference)
    assert registry.fsck().ok


def test_a_failure_of_the_registrys_own_check_is_judged_again(
    registry: Registry, tmp_path: Path
) -> None:
    registry.create_model("churn")
    registry.set_policy("churn", policy_of("artifact_intact", "card_complete"))
    register(registry, tmp_path, "one")
    verdict = registry.rerun_check("churn/1", "artifact_intact")[0]
    found = {name: getattr(verdict, name) for name in Verdict.model_fields}
    registry.record_verdict("churn/1", Verdict(**{**found, "passed": False}))
    reference = copied(registry)
    assert shared(registry, reference) == {}
    (again,) = [each for each in registry.verdicts(reference) if each.check == "artifact_intact"]
    assert again.passed


def test_an_asset_check_that_runs_later_counts_for_all_copies(
    registry: Registry, tmp_path: Path
) -> None:
    registry.create_model("churn")
    registry.set_policy("churn", policy_of("latency"))
    register(registry, tmp_path, "one")
    reference = copied(registry)
    assert "check latency, which has not run" in missing(registry, reference)
    ran_latency(registry, 1)
    assert missing(registry, "churn/1") == missing(registry, reference) == ""
    ran_latency(registry, 2, passed=False)
    assert "check latency, which failed" in missing(registry, reference)
    assert shared(registry, reference)["latency"].details["same_bytes_as"] == "churn/1"
