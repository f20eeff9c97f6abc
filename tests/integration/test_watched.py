"""The lineage sensor and the drift sensor with a real daemon."""

from functools import partial

import pytest

from tests.integration.conftest import OURS
from tests.integration.polling import eventually
from tests.integration.served import ENDED, Served

pytestmark = [pytest.mark.system, pytest.mark.timeout(400), pytest.mark.xdist_group("up")]

PATIENCE_S = 120.0
MODEL = "models/long_training"
PRODUCTION = f"{MODEL}/production"


@pytest.fixture(scope="module")
def holder(served: Served) -> str:
    """The version in production, possibly from earlier tests."""
    if not served.materializations(PRODUCTION):
        served.launch(OURS, MODEL)
    eventually(partial(served.materializations, PRODUCTION), PATIENCE_S, "a version in production")
    return "long_training/1"


@pytest.fixture(scope="module")
def scoring(served: Served, holder: str) -> str:
    """The run that scored the data of one site, and measured its drift."""
    run_id = served.launch(OURS, "readings", "readings_drift", partition="north")
    eventually(lambda: served.run(run_id).status in ENDED, PATIENCE_S, "the end of the scoring")
    assert served.run(run_id).status == "SUCCESS"
    return run_id


def test_a_scored_partition_appears_downstream_of_its_version(
    served: Served, holder: str, scoring: str
) -> None:
    def look() -> list[dict[str, object]]:
        usages = served.pedigree("downstream", holder)["usages"]
        return [usage for usage in usages if usage["storage_id"]]

    (written,) = eventually(look, PATIENCE_S, f"what was written with {holder}")
    assert (written["asset"], written["partition"]) == ("readings", "north")
    assert (written["run_id"], written["capture"]) == (scoring, "read")


def test_drift_becomes_a_failed_check_an_event_and_a_retraining(
    served: Served, holder: str, scoring: str
) -> None:
    def alarms() -> list[dict[str, object]]:
        found: list[dict[str, object]] = served.pedigree(
            "events", "--type", "version.drift_detected"
        )["items"]
        return found

    (alarm,) = eventually(alarms, PATIENCE_S, "the alarm")
    assert f"{alarm['model']}/{alarm['version']}" == holder
    (evaluation, *_) = eventually(
        lambda: served.evaluations(PRODUCTION, "drift"), PATIENCE_S, "the failed check"
    )
    assert (evaluation.passed, evaluation.severity) == (False, "WARN")
    assert "level" in evaluation.text

    def retrained() -> str | None:
        runs = (served.run(each.run_id) for each in served.materializations(MODEL))
        requested = (run for run in runs if "pedigree/drift" in run.tags)
        return next((run.tags["dagster/sensor_name"] for run in requested), None)

    assert eventually(retrained, PATIENCE_S, "the retraining") == "drift"
