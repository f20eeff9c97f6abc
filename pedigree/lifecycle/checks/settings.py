"""Validation of the settings that a policy gives to the registry's checks."""

from pedigree.lifecycle.checks import CHECKS
from pedigree.lifecycle.records import Policy


def require_known_settings(policy: Policy) -> None:
    """Refuse a policy that gives a check of the registry settings that it does not accept.

    Settings of custom checks are not validated.

    Raises:
        InvalidPolicyError: A setting is not accepted; the message names it.
    """
    for check in CHECKS.values():
        for rule in policy.check_rules(check.name):
            check.read(rule.settings)
