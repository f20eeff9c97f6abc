"""The stored results of a comparison, their events, and their deletion."""

from datetime import timedelta
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from pedigree.audit.event_types import EventType
from pedigree.errors import NotFoundError
from pedigree.lifecycle.policy import default_policy
from pedigree.lifecycle.records import RetentionRule
from pedigree.monitoring.profile import profile
from pedigree.monitoring.records import DriftRule, DriftThresholds
from pedigree.registry import Registry
from tests.factories import register
from tests.maintenance.collecting import collect, require_sound

RANDOM = np.random.default_rng(11)
TRAINING = pd.DataFrame(
    {"age": RANDOM.normal(40, 10, 2000), "plan": RANDOM.choice(["a", "b"], 2000)}
)
OLDER = TRAINING.assign(age=TRAINING["age"] + 15)


@pytest.fixture
def churn(registry: Registry, tmp_path: Path) -> str:
    """A version with a profile of its training data."""
    reference = register(registry, tmp_path, training_data_version="customers of May")
    registry.keep_profile(reference, profile(TRAINING))
    return reference


def logged(registry: Registry, kind: EventType) -> list[tuple[str, object]]:
    return [(event.subject, event.body.get("partition")) for event in registry.events(types=[kind])]


def test_a_version_keeps_the_profile_of_its_training_data(registry: Registry, churn: str) -> None:
    assert registry.profile(churn) == profile(TRAINING)
    # the same bytes trained on other data are the same version, which shows its first training
    registry.keep_profile(churn, profile(OLDER))
    assert registry.profile(churn) == profile(TRAINING)
    assert len(logged(registry, EventType.VERSION_PROFILED)) == 1


def test_without_a_profile_nothing_can_be_compared(registry: Registry, tmp_path: Path) -> None:
    reference = register(registry, tmp_path)
    with pytest.raises(NotFoundError, match="training_profile"):
        registry.measure_drift(reference, TRAINING, asset="customers")


def test_a_result_names_version_column_partition_and_baseline(
    registry: Registry, churn: str
) -> None:
    found = registry.measure_drift(churn, OLDER, asset="customers", partition="June", run_id="r1")
    assert (found.reference, found.asset, found.partition) == ("churn/1", "customers", "June")
    assert found.baseline == registry.profile(churn).digest
    assert found.baseline_name == "customers of May"
    assert [column.column for column in found.comparison.columns if column.drifted] == ["age"]
    assert found.verdict == "customers[June] differs from the training data of churn/1: age"
    assert registry.drift(churn) == (found,)
    assert logged(registry, EventType.VERSION_DRIFT_MEASURED) == [("churn/1", "June")]


def test_the_report_is_in_the_object_store_in_both_formats(registry: Registry, churn: str) -> None:
    registry.measure_drift(churn, TRAINING, asset="customers", partition="2013-05")
    found = registry.measure_drift(churn, OLDER, asset="customers", partition="2013-06")
    html, markdown = (
        Path(place).read_text() for place in registry.operations.monitoring.drift_report(found)
    )
    for text in (html, markdown):
        assert "Drift:" in text
        verdict = "customers[2013-06] differs from the training data of churn/1: age"
        assert verdict in text.replace("\\", "")
        assert "customers of May" in text
        assert "Kolmogorov-Smirnov" in text
    assert html.count("<svg") == 3  # over time, and a distribution of each column
    assert "2013-05" in html
    assert markdown.count("data:image/svg+xml;base64,") == 2
    assert "<script" not in html


def test_names_are_escaped_in_a_report(registry: Registry, churn: str) -> None:
    found = registry.measure_drift(churn, OLDER, asset="<b>|`customers", partition="<i>")
    html, markdown = (
        Path(place).read_text() for place in registry.operations.monitoring.drift_report(found)
    )
    assert "<b>|" not in html
    assert "<i>" not in html
    assert "<b>" not in markdown


def test_the_newest_result_of_each_partition_counts(registry: Registry, churn: str) -> None:
    for data, partition in ((OLDER, "2"), (TRAINING, "10"), (TRAINING, "2")):
        registry.measure_drift(churn, data, asset="customers", partition=partition)
    assert [(each.partition, each.drifted) for each in registry.drift(churn)] == [
        ("10", False),
        ("2", False),
    ]
    assert registry.drift(churn, "others") == ()


def test_an_alarm_is_raised_once(registry: Registry, churn: str) -> None:
    calm = registry.measure_drift(churn, TRAINING, asset="customers", partition="May")
    alarm = registry.measure_drift(churn, OLDER, asset="customers", partition="June")
    assert registry.alert_drift(alarm.drift_id)
    assert not registry.alert_drift(alarm.drift_id)
    assert not registry.alert_drift(calm.drift_id)
    assert logged(registry, EventType.VERSION_DRIFT_DETECTED) == [("churn/1", "June")]
    assert registry.drift_result(alarm.drift_id).alerted_at is not None
    require_sound(registry)


def test_the_policy_s_thresholds_apply(registry: Registry, churn: str) -> None:
    blind = DriftThresholds(psi=None, jensen_shannon=None, distance=None, missing=None)
    rule = DriftRule(columns={"age": blind})
    registry.set_policy("churn", default_policy().model_copy(update={"drift": rule}))
    assert not registry.measure_drift(churn, OLDER, asset="customers").drifted


def test_profiles_and_reports_are_deleted_with_their_version(
    impatient: Registry, tmp_path: Path
) -> None:
    registry = impatient
    reference = register(registry, tmp_path)
    registry.keep_profile(reference, profile(TRAINING))
    found = registry.measure_drift(reference, OLDER, asset="customers")
    collect(registry)
    places = [Path(place) for place in registry.operations.monitoring.drift_report(found)]
    assert all(place.exists() for place in places)
    registry.set_retention("churn", RetentionRule(window=timedelta(0)))
    registry.delete(reference, reason="test")
    collect(registry)
    assert not any(place.exists() for place in places)
    with pytest.raises(NotFoundError):
        registry.drift_result(found.drift_id)
    require_sound(registry)
