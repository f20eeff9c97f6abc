"""What candidates wait for, automatic promotion, and the single promotion of many versions."""

import sys
from pathlib import Path

import dagster as dg
import pytest

from pedigree.dagster.sensors import promotion
from pedigree.lifecycle.records import Policy, Verdict
from pedigree.registry import Registry
from tests.dagster.location import Location
from tests.dagster.models import churn_asset, recipe
from tests.factories import register_candidate
from tests.fencing import edit_rows
from tests.lifecycle.deciding import ANN, let_time_pass, policy_of

WAITS_FOR = "pedigree/waits_for"
# A thousand versions after a backfill: each is a candidate with passed checks.
BACKFILL = """
WITH made AS (
    INSERT INTO pedigree.model_version (
        model_id, version, digest, copy, flavor, signature, created_at, created_by,
        created_by_source
    )
    SELECT model_id, number, digest, number, flavor, signature, now(), created_by, created_by_source
    FROM pedigree.model_version, generate_series(2, 1000) AS number
    RETURNING model_id, version
), trained AS (
    INSERT INTO pedigree.training (
        training_id, model_id, version, run_id, git_commit, git_dirty, git_source, metrics, params,
        created_at, created_by, created_by_source
    )
    SELECT gen_random_uuid(), made.model_id, made.version, run_id, git_commit, git_dirty,
        git_source, metrics, params, now(), created_by, created_by_source
    FROM made, pedigree.training
), judged AS (
    INSERT INTO pedigree.verdict (
        model_id, version, check_name, passed, severity, digest, relative, baseline_digest,
        settings, summary, details, at, recorded_by
    )
    SELECT made.model_id, made.version, check_name, passed, severity, digest, relative,
        baseline_digest, settings, summary, details, now(), recorded_by
    FROM made, pedigree.verdict
), held AS (
    INSERT INTO pedigree.tenure (
        model_id, version, pointer, name, exclusive, held_since, moved_by
    )
    SELECT model_id, version, 'stage', 'candidate', false, now(), 'backfill' FROM made
)
UPDATE pedigree.registered_model SET next_version = 1001, generation = 1000
"""


def under(policy: Policy) -> dg.AssetsDefinition:
    return churn_asset("governed", policy=policy)


def train(location: Location, asset: dg.AssetsDefinition, content: str = "one") -> str:
    """Train a model, make the version a candidate, and return the run's id."""
    done = dg.materialize(
        [asset],
        instance=location.instance,
        resources=location.resources,
        run_config=recipe(asset, content),
    )
    return done.run_id


def promotion_runs(location: Location) -> list[dg.DagsterRun]:
    runs = location.instance.get_runs()
    return [run for run in runs if "pedigree/promotion" in run.tags]


def test_only_the_newest_of_a_thousand_backfilled_versions_is_promoted(
    location: Location, pedigree: Registry, tmp_path: Path
) -> None:
    register_candidate(pedigree, tmp_path, "one", metrics={"accuracy": 0.8})
    edit_rows(pedigree.database, BACKFILL)
    assert [location.promote() for _ in range(4)] == [["staging"], ["production"], [], []]
    assert pedigree.champion("churn").version_id == 1000
    moves = [each for each in pedigree.timeline("churn") if each.pointer != "stage:candidate"]
    assert [each.version_id for each in moves] == [1000, 1000]


def test_missing_requirements_are_on_the_candidate_its_run_and_the_tick(
    make_location, pedigree: Registry
) -> None:
    asset = under(policy_of(approvals={"needed": 1}, checks=["signature_compatible"]))
    location = make_location(asset)
    run_id = train(location, asset)
    pedigree.run_check("governed/1", "metadata_complete")
    waits = "1 approval; check signature_compatible, which has not run"
    assert f"governed/1 → production: {waits}" in location.tick("pedigree_promotion").skip_message
    assert pedigree.candidacies("governed/1")[0].waits_for == tuple(waits.split("; "))
    run = location.instance.get_run_by_id(run_id)
    assert run.tags[WAITS_FOR] == f"governed/1 → production: {waits}"

    # each change triggers an evaluation, and after the last one the sensor promotes
    pedigree.approve("governed/1", "production", comment="fine", actor=ANN)
    assert location.promote() == []
    pedigree.run_check("governed/1", "signature_compatible")
    assert location.promote() == ["production"]
    assert [run.tags[WAITS_FOR] for run in promotion_runs(location)] == ["nothing"]
    assert location.promote() == []
    assert location.instance.get_run_by_id(run_id).tags[WAITS_FOR] == "nothing"


def test_a_requested_stage_is_entered_in_the_tick_and_reported_by_the_mirror(
    make_location, pedigree: Registry
) -> None:
    asset = under(policy_of(soak="2d", checks=["signature_compatible"], automatic=False))
    location = make_location(asset)
    train(location, asset)
    pedigree.run_check("governed/1", "metadata_complete")
    location.tick("pedigree_promotion")
    pedigree.request_stage("governed/1", "production", reason="try it", actor=ANN)
    assert location.promote() == []
    assert len(pedigree.stage_requests("governed")) == 1
    let_time_pass(pedigree, "governed/1", days=3)
    pedigree.quarantine_version("governed/1", reason="wrong labels")
    pedigree.run_check("governed/1", "signature_compatible")
    assert location.promote() == []
    pedigree.release_version("governed/1")
    message = location.tick("pedigree_promotion").skip_message
    assert "governed/1 entered production, as requested" in message
    assert pedigree.timeline("governed", "stage:production")[0].moved_by == ANN.name
    assert ("production", "1") in location.mirror()


def test_the_end_of_a_soak_is_noticed_without_an_event(make_location, pedigree: Registry) -> None:
    asset = under(policy_of(soak="2d"))
    location = make_location(asset)
    train(location, asset)
    pedigree.run_check("governed/1", "metadata_complete")
    assert location.promote() == []
    assert location.tick("pedigree_promotion").skip_message == "no new events in the registry"
    let_time_pass(pedigree, "governed/1", days=2)
    assert location.promote() == ["production"]


def test_a_stricter_policy_makes_the_sensor_evaluate_the_candidates_again(
    make_location, pedigree: Registry
) -> None:
    asset = under(policy_of(soak="2d"))
    location = make_location(asset)
    train(location, asset)
    pedigree.run_check("governed/1", "metadata_complete")
    assert location.promote() == []
    fails = {"name": "metadata_complete", "settings": {"required": ["risk_class"]}}
    pedigree.set_policy("governed", policy_of(checks=["artifact_intact", fails]))
    (waits,) = pedigree.explain("governed/1", "production").waits_for[1:]
    assert waits == "check metadata_complete, which has not run with the settings of this stage"
    message = location.tick("pedigree_promotion").skip_message
    assert "governed/1 → production: check metadata_complete, which failed" in message
    pedigree.set_policy("governed", policy_of(checks=["artifact_intact", "metadata_complete"]))
    assert location.promote() == ["production"]


def test_a_check_that_cannot_run_does_not_block_other_versions(
    location: Location, pedigree: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    location.train("one")
    location.train("two", 0.9)
    scan = {"name": "artifact_scan", "severity": "warn"}
    described = {"name": "metadata_complete", "settings": {"required": ["description"]}}
    stages = [
        {**rule.model_dump(mode="json"), "checks": [scan, described]}
        for rule in pedigree.policy("churn").stages
    ]
    pedigree.set_policy("churn", Policy.model_validate({"stages": stages}))
    with monkeypatch.context() as patch:
        patch.setitem(sys.modules, "picklescan.scanner", None)
        answer = location.tick("pedigree_promotion")
    (request,) = answer.run_requests
    assert request.tags["pedigree/version"] == "2"
    verdicts = pedigree.verdicts("churn/1")
    assert described["settings"] in [each.settings for each in verdicts]
    assert "artifact_scan" not in {each.check for each in verdicts}


def test_a_gate_that_closes_before_the_run_fails_it_and_new_evidence_requests_another(
    location: Location, pedigree: Registry
) -> None:
    location.train("one")
    (request,) = location.tick("pedigree_promotion").run_requests
    digest = pedigree.get("churn/1").digest
    verdict = Verdict(
        check="artifact_intact", passed=False, digest=digest, summary="a file is gone"
    )
    pedigree.record_verdict("churn/1", verdict)
    assert not location.execute(request, raise_on_error=False).success
    (run,) = promotion_runs(location)
    assert "artifact_intact" in run.tags[WAITS_FOR]
    assert location.promote() == []
    pedigree.run_check("churn/1", "artifact_intact")
    (again,) = location.tick("pedigree_promotion").run_requests
    assert again.run_key != request.run_key
    assert location.execute(again).success
    assert pedigree.holder("churn", "staging").version_id == 1


def test_a_second_run_of_a_promotion_is_recorded_and_changes_nothing(
    location: Location, pedigree: Registry
) -> None:
    location.train("one")
    (request,) = location.tick("pedigree_promotion").run_requests
    for _ in range(2):
        assert location.execute(request).success
    (stage,) = request.asset_selection
    records = location.instance.fetch_materializations(stage, limit=9, ascending=True).records
    moved = [each.asset_materialization.metadata["pedigree/moved"].value for each in records]
    assert moved == [True, False]
    assert [each.pointer for each in pedigree.timeline("churn")].count("stage:staging") == 1


def test_the_first_pass_over_all_models_is_spread_over_ticks(
    make_location, pedigree: Registry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(promotion, "_MODELS_OF_FIRST_PASS", 1)
    names = ("alpha", "beta", "gamma")
    location = make_location(*(churn_asset(name) for name in names))
    for name in names:
        register_candidate(pedigree, tmp_path, name, name=name)
    ticks = [location.tick("pedigree_promotion").run_requests for _ in range(3)]
    requested = [request.asset_selection[0].path[1] for tick in ticks for request in tick]
    assert sorted(set(requested)) == list(names)
