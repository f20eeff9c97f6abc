"""Description of a drift rule in words, for people who handle an alarm."""

from pedigree.monitoring.records import DriftAction, DriftRule, DriftThresholds

_REACTIONS = {
    DriftAction.ALERT: "raises an alert",
    DriftAction.DEMOTE: "requests a rollback",
    DriftAction.RETRAIN: "requests a retraining",
}


def describe(rule: DriftRule) -> str:
    """Return the limits at which a rule detects drift, and the drift sensor's reaction."""
    own = "; ".join(f"{name}: {_limits(limits)}" for name, limits in rule.columns.items())
    windows = f" in {rule.windows} partitions in a row" if rule.windows > 1 else ""
    sentences = [
        f"The served data of the version in {rule.stage} matches its training data.",
        f"A column drifts at {_limits(rule.thresholds)} or more, with a p-value of at most"
        f" {rule.alpha:g} after Holm's correction.",
        f"Columns with their own thresholds: {own}." if own else "",
        f"Excluded: {', '.join(rule.leave_out)}." if rule.leave_out else "",
        f"On drift{windows} the sensor {_REACTIONS[rule.action]}.",
    ]
    return " ".join(filter(None, sentences))


def _limits(thresholds: DriftThresholds) -> str:
    limits = thresholds.model_dump(exclude_none=True)
    return ", ".join(f"{name} {limit:g}" for name, limit in limits.items()) or "no threshold"
