"""Two code locations under a real daemon: checked, promoted, scored, replaced and rolled back."""

from pathlib import Path

import pytest

from pedigree.dagster.names import slug
from pedigree.registry import Registry
from tests.integration.conftest import OURS, THEIRS
from tests.integration.polling import eventually
from tests.integration.served import ENDED, Materialization, Served

pytestmark = [pytest.mark.timeout(400), pytest.mark.xdist_group("up")]

# Promotions follow by a tick of at most 5 s and a run of about 8 s each, on a busy machine.
PATIENCE_S = 120.0
FURTHER_TICKS = 3

CHAINS = {
    OURS: (
        ["customers", "customer_features", "churn_training_customers", "churn_test_customers"],
        "customer_churn",
        "churn_scores",
        "promotion",
    ),
    THEIRS: (["patients"], "tumour", "diagnoses", "pedigree_promotion"),
}


def shown(served: Served, asset: str, version: int, after: float = 0.0) -> Materialization:
    """Wait until an asset is materialized with a version."""

    def look() -> Materialization | None:
        found = served.materializations(asset)
        return next((m for m in found if m.version == version and m.at > after), None)

    return eventually(look, PATIENCE_S, f"{asset} with version {version}")


def scored_after(served: Served, asset: str, moment: float) -> Materialization:
    """Wait until an asset is materialized after a moment."""
    return eventually(
        lambda: next((m for m in served.materializations(asset) if m.at > moment), None),
        PATIENCE_S,
        f"{asset} anew",
    )


def run_to_the_end(served: Served, run_id: str) -> None:
    eventually(lambda: served.run(run_id).status in ENDED, PATIENCE_S, f"the end of run {run_id}")
    assert served.run(run_id).status == "SUCCESS"


@pytest.fixture(scope="module")
def trained(served: Served) -> dict[str, str]:
    """Both locations' models, in training."""
    return {
        location: served.launch(location, *data, f"models/{model}")
        for location, (data, model, _, _) in CHAINS.items()
    }


@pytest.mark.parametrize("location", [OURS, THEIRS])
def test_a_model_is_promoted_by_its_own_location_s_sensor_and_scores_follow(
    location: str,
    served: Served,
    trained: dict[str, str],
    pedigree: Registry,
    record_property: pytest.FixtureRequest,
) -> None:
    _, model, scores, sensor = CHAINS[location]
    training = shown(served, f"models/{model}", 1)
    assert training.run_id == trained[location]
    moments = {"trained": training.at}
    for stage in ("staging", "production"):
        moved = shown(served, f"models/{model}/{stage}", 1)
        run = served.run(moved.run_id)
        assert (run.location, run.tags["dagster/sensor_name"]) == (location, sensor)
        moments[stage] = moved.at
    scored = scored_after(served, scores, moments["production"])
    assert served.run(scored.run_id).location == location
    moments["scored"] = scored.at
    assert pedigree.get(f"{model}@production").version_id == 1
    assert all(verdict.passed for verdict in pedigree.verdicts(f"{model}/1"))
    for name, moment in moments.items():
        record_property(f"{location}: {name}", round(moment - training.at, 1))


def test_a_better_version_replaces_the_first_and_a_rolled_back_one_stays_out(
    served: Served, trained: dict[str, str], pedigree: Registry, record_property: object
) -> None:
    production, scores = "models/tumour/production", "diagnoses"
    first = scored_after(served, scores, shown(served, production, 1).at)

    run_id = served.launch(
        THEIRS, "models/tumour", config={slug("tumour"): {"scaled": True}}
    )
    run_to_the_end(served, run_id)
    metrics = [pedigree.get(f"tumour/{version}").metrics["accuracy"] for version in (1, 2)]
    assert metrics[1] > metrics[0]
    replaced = shown(served, production, 2)
    second = scored_after(served, scores, max(first.at, replaced.at))

    move = served.pedigree("rollback", "tumour", "--reason", "false alarms")
    assert pedigree.get("tumour@production").version_id == 1, move
    mirrored = shown(served, production, 1, after=second.at)
    assert mirrored.run_id == ""
    third = scored_after(served, scores, mirrored.at)
    print(f"\nreplaced → scored {second.at - replaced.at:.1f} s")
    print(f"mirrored → scored {third.at - mirrored.at:.1f} s")

    ticks = eventually(
        lambda: (
            found := served.ticks(THEIRS, "pedigree_promotion", third.at),
            len(found) >= FURTHER_TICKS,
        )[1]
        and found,
        PATIENCE_S,
        f"{FURTHER_TICKS} further ticks",
    )
    assert {tick.status for tick in ticks} == {"SKIPPED"}, ticks
    assert not any(tick.run_ids for tick in ticks)
    assert pedigree.get("tumour@production").version_id == 1
    versions = [each.version for each in served.materializations(production)]
    assert versions == [1, 2, 1], "the rollback is mirrored once, and nothing else happened"
