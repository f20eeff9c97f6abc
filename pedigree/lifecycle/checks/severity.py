"""What the failure of a check is, where it is shown to people."""

from pedigree.lifecycle.promotion_queue import registration_rule
from pedigree.lifecycle.records import Policy, Severity, Verdict


def shown_severity(policy: Policy, verdict: Verdict) -> Severity:
    """Return what a failed verdict is to a version that was just made: an error stops it.

    A check that only a later stage asks for warns until then; one that no stage asks for is as
    severe as it says itself.
    """
    if not policy.check_rules(verdict.check):
        return verdict.severity
    stage = registration_rule(policy)
    asked = [rule for rule in stage.checks if rule.name == verdict.check] if stage else []
    stops = any(rule.severity is Severity.ERROR for rule in asked)
    return verdict.severity if stops else Severity.WARN
