"""Whether a policy gives the registry's checks settings that they take."""

from pedigree.lifecycle.checks import CHECKS
from pedigree.lifecycle.records import Policy


def require_known_settings(policy: Policy) -> None:
    """Refuse a policy whose rules give a check of the registry what it does not take.

    The settings of other checks are the business of whoever wrote them.

    Raises:
        InvalidPolicyError: It does; the message names the setting.
    """
    for check in CHECKS.values():
        for rule in policy.check_rules(check.name):
            check.read(rule.settings)
