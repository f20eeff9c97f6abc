from pedigree.monitoring.describe import describe
from pedigree.monitoring.records import DriftAction, DriftRule, DriftThresholds


def test_the_description_has_the_thresholds_and_the_reaction() -> None:
    rule = DriftRule(
        thresholds=DriftThresholds(psi=0.25, distance=None),
        columns={"age": DriftThresholds(psi=0.5, jensen_shannon=None, distance=None, missing=None)},
        leave_out=("month",),
        action=DriftAction.DEMOTE,
        windows=2,
    )
    assert describe(rule) == (
        "The served data of the version in production matches its training data. A column drifts"
        " at psi 0.25, jensen_shannon 0.1, missing 0.05 or more, with a p-value of at most 0.05"
        " after Holm's correction. Columns with their own thresholds: age: psi 0.5."
        " Excluded: month. On drift in 2 partitions in a row the sensor requests a rollback."
    )


def test_the_description_omits_what_a_drift_rule_does_not_set() -> None:
    text = describe(DriftRule(leave_out=()))
    assert "their own thresholds" not in text
    assert "Excluded" not in text
    assert text.endswith("On drift the sensor raises an alert.")
