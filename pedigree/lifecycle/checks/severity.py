"""The severity of a failed check in views for people."""

from pedigree.lifecycle.promotion_queue import registration_rule
from pedigree.lifecycle.records import Policy, Severity, Verdict


def shown_severity(policy: Policy, verdict: Verdict) -> Severity:
    """Return the severity of a failed verdict for a new version: an error blocks it.

    A check that only a later stage requires warns until then. A check that no stage requires has
    the severity of its verdict.
    """
    if not policy.check_rules(verdict.check):
        return verdict.severity
    stage = registration_rule(policy)
    asked = [rule for rule in stage.checks if rule.name == verdict.check] if stage else []
    stops = any(rule.severity is Severity.ERROR for rule in asked)
    return verdict.severity if stops else Severity.WARN
