from pedigree.monitoring.describe import described
from pedigree.monitoring.records import DriftAction, DriftRule, DriftThresholds


def test_a_drift_rule_says_its_thresholds_and_what_follows() -> None:
    rule = DriftRule(
        thresholds=DriftThresholds(psi=0.25, distance=None),
        columns={"age": DriftThresholds(psi=0.5, jensen_shannon=None, distance=None, missing=None)},
        leave_out=("month",),
        action=DriftAction.DEMOTE,
        windows=2,
    )
    assert described(rule) == (
        "What the holder of production is given looks like what it learnt from. A column drifts"
        " from psi 0.25, jensen_shannon 0.1, missing 0.05 on, where chance explains it with a"
        " probability of at most 0.05, after Holm's correction. Of their own: age: psi 0.5."
        " Left out: month. On drift in 2 partitions in a row the sensor asks for a rollback."
    )


def test_what_a_drift_rule_does_not_have_it_does_not_mention() -> None:
    said = described(DriftRule(leave_out=()))
    assert "Of their own" not in said
    assert "Left out" not in said
    assert said.endswith("On drift the sensor tells of it.")
