"""What counts as drift, in words for the people who look at an alarm."""

from pedigree.monitoring.records import DriftAction, DriftRule, DriftThresholds

_ANSWERS = {
    DriftAction.ALERT: "tells of it",
    DriftAction.DEMOTE: "asks for a rollback",
    DriftAction.RETRAIN: "asks for a retraining",
}


def described(rule: DriftRule) -> str:
    """Return from where on a rule calls it drift, and what the drift sensor then does."""
    own = "; ".join(f"{name}: {_limits(each)}" for name, each in rule.columns.items())
    windows = f" in {rule.windows} partitions in a row" if rule.windows > 1 else ""
    said = [
        f"What the holder of {rule.stage} is given looks like what it learnt from.",
        f"A column drifts from {_limits(rule.thresholds)} on, where chance explains it with a"
        f" probability of at most {rule.alpha:g}, after Holm's correction.",
        f"Of their own: {own}." if own else "",
        f"Left out: {', '.join(rule.leave_out)}." if rule.leave_out else "",
        f"On drift{windows} the sensor {_ANSWERS[rule.action]}.",
    ]
    return " ".join(filter(None, said))


def _limits(thresholds: DriftThresholds) -> str:
    given = thresholds.model_dump(exclude_none=True)
    return ", ".join(f"{name} {limit:g}" for name, limit in given.items()) or "no threshold"
