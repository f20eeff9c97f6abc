"""Two code locations with a real daemon: checks, promotion, scoring and rollback."""

import logging

import pytest

from pedigree.dagster.assets.names import slug
from tests.integration.conftest import OURS, THEIRS
from tests.integration.polling import eventually
from tests.integration.served import ENDED, Materialization, Served, Tick

pytestmark = [pytest.mark.system, pytest.mark.timeout(900), pytest.mark.xdist_group("up")]

# Each step of a chain waits for a tick and for the start of a process, possibly under load.
PATIENCE_S = 240.0
FURTHER_TICKS = 3

# For each location: the data of its model, the model, its scores, and its promotion sensor.
CHAINS = {
    OURS: (
        ["customers", "customer_features", "churn_training_customers", "churn_test_customers"],
        "customer_churn",
        "churn_scores",
        "promotion",
    ),
    THEIRS: (["patients"], "tumour", "diagnoses", "pedigree_promotion"),
}
PRODUCTION = "models/tumour/production"
SCORES = "diagnoses"

stopwatch = logging.getLogger(__name__)  # shown by --log-cli-level=INFO


def materialized(
    served: Served, asset: str, version: int | None = None, after: float = 0.0
) -> Materialization:
    """Wait until an asset is materialized after a time, optionally with a version."""

    def look() -> Materialization | None:
        found = (each for each in served.materializations(asset) if each.at > after)
        return next((each for each in found if version in {None, each.version}), None)

    return eventually(look, PATIENCE_S, f"{asset} with version {version}", served.runs)


def holder(served: Served, model: str) -> int:
    document = served.pedigree("show", f"{model}@production")
    return int(document["version"]["version_id"])


@pytest.fixture(scope="module")
def trained(served: Served) -> dict[str, str]:
    """The training runs of both locations."""
    return {
        location: served.launch(location, *data, f"models/{model}")
        for location, (data, model, _, _) in CHAINS.items()
    }


def test_the_model_of_the_other_location_is_promoted_by_its_sensor_and_scored(
    served: Served, trained: dict[str, str]
) -> None:
    expect_promotion_by_sensor_of_location(THEIRS, served, trained)


def test_worse_and_rolled_back_versions_stay_out(served: Served, trained: dict[str, str]) -> None:
    first = materialized(served, SCORES)
    worse = served.launch(THEIRS, "models/tumour", config={slug("tumour"): {"rows": 40}})
    eventually(lambda: served.run(worse).status in ENDED, PATIENCE_S, "the worse training")
    verdicts = served.pedigree("show", "tumour/2")["verdicts"]
    (failed,) = (each for each in verdicts if not each["passed"] and each["severity"] == "error")
    assert failed["check"] == "no_regression"

    served.launch(THEIRS, "models/tumour", config={slug("tumour"): {"scaled": True}})
    replaced = materialized(served, PRODUCTION, version=3)
    second = materialized(served, SCORES, after=max(first.at, replaced.at))
    stopwatch.info("replaced → scored %.1f s", second.at - replaced.at)
    assert holder(served, "tumour") == 3

    served.pedigree("rollback", "tumour", "--reason", "false alarms")
    assert holder(served, "tumour") == 1
    mirrored = materialized(served, PRODUCTION, version=1, after=second.at)
    assert not mirrored.run_id
    third = materialized(served, SCORES, after=mirrored.at)
    stopwatch.info("mirrored → scored %.1f s", third.at - mirrored.at)

    for tick in further_ticks(served, mirrored.at):
        assert (tick.status, tick.run_ids) == ("SKIPPED", ()), tick
    assert holder(served, "tumour") == 1
    assert [each.version for each in served.materializations(PRODUCTION)] == [1, 3, 1]


# Last, because it has happened by then.
def test_the_model_of_this_location_is_promoted_by_its_sensor_and_scored(
    served: Served, trained: dict[str, str]
) -> None:
    expect_promotion_by_sensor_of_location(OURS, served, trained)


def expect_promotion_by_sensor_of_location(
    location: str, served: Served, trained: dict[str, str]
) -> None:
    _, model, scores, sensor = CHAINS[location]
    training = materialized(served, f"models/{model}", version=1)
    assert training.run_id == trained[location]
    before = training
    for stage in ("staging", "production"):
        moved = materialized(served, f"models/{model}/{stage}", version=1, after=before.at)
        run = served.run(moved.run_id)
        assert (run.location, run.tags["dagster/sensor_name"]) == (location, sensor)
        stopwatch.info("%s: %s after %.1f s", model, stage, moved.at - training.at)
        before = moved
    scored = materialized(served, scores, after=before.at)
    stopwatch.info("%s: scored after %.1f s", model, scored.at - training.at)
    assert served.run(scored.run_id).location == location

    shown = served.pedigree("show", f"{model}@production")
    assert shown["version"]["version_id"] == 1
    assert shown["version"]["run_id"] == trained[location]
    verdicts = {verdict["check"]: verdict for verdict in shown["verdicts"]}
    assert set(verdicts) >= {
        "artifact_intact",
        "metadata_complete",
        "no_regression",
        "signature_compatible",
    }
    assert all(verdict["passed"] or verdict["severity"] == "warn" for verdict in verdicts.values())


def further_ticks(served: Served, after: float) -> list[Tick]:
    """Wait for more ticks of the promotion sensor and of the mirror, and return them."""
    ticks: list[Tick] = []
    for sensor in ("pedigree_promotion", "pedigree_mirror"):

        def look(sensor: str = sensor) -> list[Tick] | None:
            found = served.ticks(THEIRS, sensor, after)
            return found if len(found) >= FURTHER_TICKS else None

        ticks += eventually(look, PATIENCE_S, f"{FURTHER_TICKS} further ticks of {sensor}")
    return ticks
